import { freePort } from '../../../src/free-port.ts';
import { arePeersInstalled, Peer, peerProgram } from './peer.ts';
import { isRedisHere, Redis } from './redis.ts';

/** Why BullMQ cannot be measured here; undefined if it can. */
export function bullmqIsMissing(): string | undefined {
  if (!isRedisHere()) return 'BullMQ is skipped: there is no redis-server on the PATH (Debian: redis-server)';
  if (!arePeersInstalled()) return 'BullMQ is skipped: the peers are not installed (npm run bench does it)';
  return undefined;
}

/** BullMQ 6 on a redis-server of its own: one HTTP front, one worker of 100 jobs at once. */
export class Bullmq {
  readonly url: string;
  readonly redisPort: number;
  readonly #parts: Parts;

  private constructor(url: string, redisPort: number, parts: Parts) {
    this.url = url;
    this.redisPort = redisPort;
    this.#parts = parts;
  }

  static async start(appendfsync: 'everysec' | 'always'): Promise<Bullmq> {
    const redis = await Redis.start(appendfsync);
    const port = await freePort();
    const worker = await Peer.start(peerProgram('bullmq-worker'), redis.port);
    const front = await Peer.start(peerProgram('bullmq-front'), redis.port, port);
    return new Bullmq(`http://127.0.0.1:${port}`, redis.port, [front, worker, redis]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts) await part[Symbol.asyncDispose]();
  }
}

type Parts = readonly AsyncDisposable[];
