import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));

/** What a program of the peers needs is installed apart from the project's own dependencies. */
export const arePeersInstalled = (): boolean =>
  ['bullmq', 'pg-boss'].every((name) => existsSync(`${PEERS}node_modules/${name}`));

/** Installs the peers' locked packages; false where there is no network. */
export function installPeers(): boolean {
  if (arePeersInstalled()) return true;
  process.stdout.write('installing the peers\n');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return spawnSync('npm', args, { cwd: PEERS, stdio: 'inherit' }).status === 0;
}

export const peerProgram = (name: string): string => `${PEERS}${name}.mjs`;

/** A program that runs beside us in a process of its own. */
export class Peer {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** Resolves when the program has said that it is ready. */
  static start(path: string, ...args: readonly (string | number)[]): Promise<Peer> {
    const child = fork(path, args.map(String), {
      execArgv: ['--no-warnings'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${path} ended with ${code}`)));
      child.once('message', () => resolve(new Peer(child)));
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** Sends a message, resolves with the answer. */
  ask<Answer>(message: object): Promise<Answer> {
    return new Promise((resolve) => {
      this.#process.once('message', (answer) => resolve(answer as Answer));
      this.#process.send(message);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}
