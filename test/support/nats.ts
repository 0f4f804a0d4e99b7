import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Config, readConfig } from '../../src/config.ts';
import { connectToNats } from '../../src/log/jetstream/connection.ts';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { prepareEmbeddedServer } from '../../src/log/server/embedded-server.ts';
import { createLogger } from '../../src/logger.ts';

const ended = (server: ChildProcess): Promise<void> =>
  server.exitCode !== null || server.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => server.once('exit', () => resolve()));

/** A real nats-server on a free port and a folder of its own, with a log on it. */
export class TestLog {
  readonly config: Config;
  readonly url: string;
  readonly #args: readonly string[];
  readonly #connections: NatsConnection[] = [];
  #server: ChildProcess;

  private constructor(config: Config, url: string, args: readonly string[]) {
    this.config = config;
    this.url = url;
    this.#args = args;
    this.#server = this.#spawn();
  }

  /** Rejects if there is no nats-server. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<TestLog> {
    const DATA_DIR = await mkdtemp(join(tmpdir(), 'wyvern-log-'));
    const config = readConfig({ LOG_LEVEL: 'fatal', SYNC: '1s', ...env, DATA_DIR });
    const { args, url } = await prepareEmbeddedServer(config);
    const log = new TestLog(config, url, args);
    await once(log.#server, 'spawn');
    return log;
  }

  /** A log on a connection of its own, as a process would have it. */
  async open(): Promise<{ log: JetStreamLog; connection: NatsConnection }> {
    const logger = createLogger('test', this.config);
    const connection = await connectToNats(this.url, 'test', this.config, logger);
    this.#connections.push(connection);
    return { log: await JetStreamLog.open(connection, this.config, logger), connection };
  }

  /** Of the server as it runs now. */
  get pid(): number {
    return this.#server.pid as number;
  }

  /** Ends the server as a power cut would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#server.kill('SIGKILL');
    await ended(this.#server);
  }

  /** Starts it again on the same port and store. */
  restart(): void {
    this.#server = this.#spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) await connection.close().catch(() => {});
    this.#server.kill('SIGTERM');
    await ended(this.#server);
    await rm(this.config.DATA_DIR, { recursive: true, force: true });
  }

  #spawn(): ChildProcess {
    return spawn(process.env.NATS_SERVER ?? 'nats-server', this.#args, { stdio: 'ignore' });
  }
}
