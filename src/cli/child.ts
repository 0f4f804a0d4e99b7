import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { Logger } from '../logger.ts';

/** A process that ends with this code says that starting it again would not help. */
export const CANNOT_START = 78;

const FIRST_DELAY_MS = 100;
/** What dies again and again, too, is back within the 5 s in which a dead front or nats-server is to have caught up. */
const MAX_DELAY_MS = 2_000;
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

/** The program is not there, or is none. Anything else that keeps it from being started may pass. */
const HOPELESS: ReadonlySet<string | undefined> = new Set(['ENOENT', 'EACCES']);

/** A process that is started again, with backoff, whenever it dies or cannot be started, until it is stopped. */
export class Child {
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #delayMs = FIRST_DELAY_MS;
  #isStopping = false;
  #hasRun = false;
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
    let child: ChildProcess;
    try {
      // A group of its own: Ctrl-C reaches the supervisor only, which then stops everything in order.
      child = spawn(command, args, { env, stdio, detached: true });
    } catch (error) {
      // Some errors are thrown, some are events.
      return this.#notStarted(error as NodeJS.ErrnoException);
    }
    this.#process = child;
    child.on('error', (error) => {
      if (child.pid === undefined) this.#notStarted(error);
      else logger.warn({ err: error }, `${name} does not hear what it is told`);
    });
    child.once('spawn', () => {
      this.#hasRun = true;
      this.#options.onStart?.(child.pid as number);
    });
    child.on('message', () => this.#becomeReady());
    child.once('exit', (code, signal) => this.#died(code, signal, performance.now() - startedAt));
  }

  #becomeReady(): void {
    this.#wasReady = true;
    for (const resolve of this.#onReady) resolve();
    this.#onReady = [];
  }

  #notStarted(error: NodeJS.ErrnoException): void {
    if (this.#isStopping) return;
    const { logger, name, onHopeless } = this.#options;
    if (HOPELESS.has(error.code) && !this.#hasRun) {
      logger.fatal({ err: error }, `cannot run ${name}`);
      return onHopeless();
    }
    logger.error({ err: error, restartMs: this.#delayMs }, `cannot start ${name}, trying it again`);
    this.#startLater();
  }

  #died(code: number | null, signal: NodeJS.Signals | null, livedMs: number): void {
    if (this.#isStopping) return;
    const { logger, logFile, name, onDeath, onHopeless } = this.#options;
    onDeath?.();
    if (code === CANNOT_START && !this.#wasReady) return onHopeless();
    if (livedMs > STABLE_MS) this.#delayMs = FIRST_DELAY_MS;
    const fields = { child: name, code, signal, restartMs: this.#delayMs, ...(logFile && { see: logFile }) };
    logger.warn(fields, `${name} died, starting it again`);
    this.#startLater();
  }

  #startLater(): void {
    this.#restart = setTimeout(() => this.#start(), this.#delayMs);
    this.#delayMs = Math.min(MAX_DELAY_MS, this.#delayMs * 2);
  }
}
