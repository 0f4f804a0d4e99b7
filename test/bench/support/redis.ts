import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { freePort } from '../../../src/free-port.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { version } from './machine.ts';

export const isRedisHere = (): boolean => version('redis-server', '--version') !== undefined;

/** A redis-server of our own, with the append-only file that a queue of tasks needs. */
export class Redis {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: AsyncDisposable;

  private constructor(port: number, child: ChildProcess, folder: AsyncDisposable) {
    this.port = port;
    this.#process = child;
    this.#folder = folder;
  }

  static async start(appendfsync: 'everysec' | 'always'): Promise<Redis> {
    const port = await freePort();
    const folder = await temporaryFolder();
    const settings = { port, dir: folder.path, appendonly: 'yes', appendfsync, save: '', bind: '127.0.0.1' };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    const redis = new Redis(port, child, folder);
    await until(() => answers(port));
    return redis;
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
    await this.#folder[Symbol.asyncDispose]();
  }
}

const answers = (port: number): Promise<true | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(undefined));
  });
