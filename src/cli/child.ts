import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { Logger } from '../logger.ts';

/** A process that ends with this code says that starting it again would not help. */
export const CANNOT_START = 78;

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** Who lives this long has started well: the delay before a restart begins anew. */
const STABLE_MS = 10_000;

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where it says what it has to say, if not on our own output. */
  readonly logFile?: string;
  /** True for one of our own, which says when it is ready and stops when this process is gone. */
  readonly hasChannel: boolean;
  readonly logger: Logger;
  onStart?(pid: number): void;
  /** It has died, and is about to be started again. */
  onDeath?(): void;
  /** It cannot run as it is set up; it has said why. */
  onHopeless(): void;
}

/** A process that is started again, with backoff, whenever it dies, until it is stopped. */
export class Child {
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #delayMs = FIRST_DELAY_MS;
  #isStopping = false;
  #wasReady = false;
  #onReady: (() => void)[] = [];

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#start();
  }

  /** Resolves when it has said for the first time that it is ready. */
  ready(): Promise<void> {
    if (this.#wasReady) return Promise.resolve();
    return new Promise((resolve) => this.#onReady.push(resolve));
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Asks it to stop, and kills it after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const kill = setTimeout(() => running.kill('SIGKILL'), graceMs);
      running.once('exit', () => {
        clearTimeout(kill);
        resolve();
      });
      running.kill('SIGTERM');
    });
  }

  #start(): void {
    const { command, args, env, hasChannel, logger, name } = this.#options;
    const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', ...(hasChannel ? (['ipc'] as const) : [])];
    const startedAt = performance.now();
    // A group of its own: Ctrl-C reaches the supervisor only, which then stops everything in order.
    const child = spawn(command, args, { env, stdio, detached: true });
    this.#process = child;
    child.once('error', (error) => {
      logger.fatal({ err: error }, `cannot run ${name}`);
      this.#options.onHopeless();
    });
    child.once('spawn', () => this.#options.onStart?.(child.pid as number));
    child.on('message', () => this.#becomeReady());
    child.once('exit', (code, signal) => this.#died(code, signal, performance.now() - startedAt));
  }

  #becomeReady(): void {
    this.#wasReady = true;
    for (const resolve of this.#onReady) resolve();
    this.#onReady = [];
  }

  #died(code: number | null, signal: NodeJS.Signals | null, livedMs: number): void {
    if (this.#isStopping) return;
    const { logger, logFile, name, onDeath, onHopeless } = this.#options;
    onDeath?.();
    if (code === CANNOT_START && !this.#wasReady) return onHopeless();
    if (livedMs > STABLE_MS) this.#delayMs = FIRST_DELAY_MS;
    const fields = { child: name, code, signal, restartMs: this.#delayMs, ...(logFile && { see: logFile }) };
    logger.warn(fields, `${name} died, starting it again`);
    this.#restart = setTimeout(() => this.#start(), this.#delayMs);
    this.#delayMs = Math.min(MAX_DELAY_MS, this.#delayMs * 2);
  }
}
