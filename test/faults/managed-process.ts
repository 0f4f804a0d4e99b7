import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Guard } from '../../src/cli/guard.ts';

export type Role = 'server' | 'front' | 'worker';

export interface ProcessOptions {
  readonly name: string;
  readonly role: Role;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Takes everything that it writes. */
  readonly logFile: string;
}

/** As `npm start` has it; a fault may want it to stay away for longer. */
const RESTART_MS = 100;

/** One process of the service, which is started again when it ends, and to which bad things can be done. */
export class ManagedProcess {
  readonly name: string;
  readonly role: Role;
  readonly #options: ProcessOptions;
  readonly #guard = new Guard();
  #process: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isStopping = false;
  #staysAway = false;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.role = options.role;
    this.#options = options;
    this.start();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Does nothing if it runs. */
  start(): void {
    this.#staysAway = false;
    if (this.#isRunning()) return;
    const { command, args, env, logFile, role } = this.#options;
    const log = openSync(logFile, 'a');
    // Our own processes end with this one by their channel; nats-server is watched in its stead.
    const child = spawn(command, args, {
      env,
      stdio: role === 'server' ? ['ignore', log, log] : ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#process = child;
    child.once('exit', () => this.#died());
    if (role === 'server' && child.pid !== undefined) this.#guard.watch(child.pid);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** It dies by the signal, and comes back when `start` is called. */
  async takeAway(signal: NodeJS.Signals): Promise<void> {
    this.#staysAway = true;
    clearTimeout(this.#restart);
    await this.#end(signal);
  }

  /** It is gone for good. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    this.signal('SIGCONT');
    await this.#end('SIGTERM');
    this.#guard.release();
  }

  #isRunning(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (!running || !this.#isRunning()) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    const kill = setTimeout(() => running.kill('SIGKILL'), 8_000);
    running.kill(signal);
    await ended;
    clearTimeout(kill);
  }

  #died(): void {
    if (this.#isStopping || this.#staysAway) return;
    this.#restart = setTimeout(() => this.start(), RESTART_MS);
  }
}
