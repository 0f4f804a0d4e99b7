import { type ChildProcess, fork } from 'node:child_process';
import { TaskFailure } from '../../../actors/failure.ts';
import { childEnvironment } from '../../config.ts';
import type { Logger } from '../../logger.ts';
import type { Json, Output, Source } from '../../tasks/definition.ts';
import { MemoryFailure } from '../../tasks/memory-failure.ts';
import { isChildMessage } from './child-message.ts';
import { fromErrorText, type ParentMessage } from './messages.ts';

/** A task for a child. The callbacks are called in the child's order, and never after the task has ended. */
export interface MediaTask {
  readonly name: string;
  readonly parameters: Record<string, unknown>;
  readonly sources: readonly Source[];
  readonly signal: AbortSignal;
  onProgress(value: Json): void;
  /** Resolves when the next output may come. If it rejects, so does the task, and the child is killed. */
  onOutput(output: Output): Promise<void>;
}

/** A module that calls `serveTasks()`, and its arguments. */
export interface ChildCommand {
  readonly modulePath: string;
  readonly args: readonly string[];
}

export interface DecoderSettings {
  readonly childCommand: ChildCommand;
  /** Words to put before the program, such as those that limit its memory. */
  readonly prefix: readonly string[];
  readonly logger: Logger;
}

/** How long a child may live without its channel. */
const DEAF_MS = 1_000;

interface Running {
  readonly given: MediaTask;
  settle(outcome: { readonly result: unknown } | { readonly error: unknown }): void;
}

/** One child process, seen from the parent: runs one task at a time, and can be killed at any moment. */
export class Decoder {
  /** Resolves when the process is no more. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #logger: Logger;
  #tasks = 0;
  #heldBytes = 0;
  #running: Running | undefined;
  #isUsable = true;

  constructor({ childCommand, prefix, logger }: DecoderSettings) {
    // With Node's own 16 MB for what is young, a child came to 110 MB resident instead of 87, and was no faster.
    const young = '--max-semi-space-size=1';
    const [execPath, ...execArgv] = [...prefix, process.execPath, young, '--enable-source-maps'];
    this.#child = fork(childCommand.modulePath, childCommand.args, {
      execPath: execPath as string,
      execArgv,
      // Two arenas hold resident memory at less than half; the stacks of more threads would count against the limit; and
      // who reads a stranger's bytes needs no way to NATS.
      env: childEnvironment({ MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '4', NATS_URL: '' }),
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#logger = logger.child({ child: this.#child.pid });
    this.exited = new Promise((resolve) => this.#watch(resolve));
  }

  /** Tasks that were given to it so far. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Bytes of private writable memory that it held at the end of its last task; 0 before. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** False once it is dead or about to be killed. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /**
   * Gives the task's result. Rejects with `TaskFailure` for what the client should read, a child's sudden end
   * among it; with the signal's reason when that is aborted, which kills the child; with `Error` for a defect.
   */
  run(given: MediaTask): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (given.signal.aborted) return reject(given.signal.reason);
      if (!this.#isUsable) return reject(stoppedUnexpectedly('before the task began'));
      const abort = (): void => this.kill(given.signal.reason);
      given.signal.addEventListener('abort', abort, { once: true });
      this.#running = {
        given,
        settle: (outcome) => {
          this.#running = undefined;
          given.signal.removeEventListener('abort', abort);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.result);
        },
      };
      this.#send(given);
    });
  }

  /** Ends the process now. A task in flight rejects with `reason`. */
  kill(reason?: unknown): void {
    this.#isUsable = false;
    this.#child.kill('SIGKILL');
    this.#running?.settle({ error: reason });
  }

  #send({ name, parameters, sources }: MediaTask): void {
    this.#tasks += 1;
    this.#tell({ task: this.#tasks, name, parameters, sources });
  }

  /** A child that cannot be reached is about to end, which settles the task. */
  #tell(message: ParentMessage): void {
    this.#child.send(message, () => {});
  }

  /** A child whose output could not be taken waits for a word that will not come. */
  async #take(given: MediaTask, output: Output): Promise<void> {
    const task = this.#tasks;
    try {
      await given.onOutput(output);
      this.#tell({ task, taken: true });
    } catch (error) {
      if (this.#running?.given === given) this.kill(error);
    }
  }

  #watch(exited: () => void): void {
    const end = (how: string): void => {
      if (this.#isUsable) this.#logger.warn({ how }, 'a media child ended by itself');
      this.#isUsable = false;
      this.#running?.settle({ error: stoppedUnexpectedly(how) });
      exited();
    };
    this.#child.on('message', (said: unknown) => this.#hear(said));
    this.#child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    this.#child.on('error', (error) => {
      if (this.#child.pid === undefined) end(error.message);
      else this.kill(stoppedUnexpectedly(error.message));
    });
    // A child that cannot be talked to is killed, but not at once: one that is about to exit closes its channel first, and
    // how it exits tells more than our signal.
    this.#child.on('disconnect', () => setTimeout(() => this.#child.kill('SIGKILL'), DEAF_MS).unref());
  }

  #hear(message: unknown): void {
    if (!isChildMessage(message)) return this.#refuse();
    // What a task has left running in the child may send messages after the task's end.
    if (this.#running === undefined || message.task !== this.#tasks) return;
    const { given, settle } = this.#running;
    if ('held' in message) this.#heldBytes = message.held;
    switch (message.type) {
      case 'progress':
        return given.onProgress(message.value);
      case 'output':
        return void this.#take(given, message.output);
      case 'done':
        return settle({ result: message.result });
      case 'failed': {
        const { passing, cause } = message;
        const Failure = message.hungry ? MemoryFailure : TaskFailure;
        return settle({
          error: new Failure(message.message, { passing, cause: cause && fromErrorText(cause) }),
        });
      }
      case 'broken':
        return settle({ error: fromErrorText(message.error) });
    }
  }

  /** A child that sends what `serveTasks` never would is broken, or has been taken over. */
  #refuse(): void {
    if (!this.#isUsable) return;
    const how = 'said what no task says';
    this.#logger.warn({ how }, 'a media child was killed for what it said');
    this.kill(stoppedUnexpectedly(how));
  }
}

const stoppedUnexpectedly = (how: string): TaskFailure =>
  new TaskFailure(`the image decoder stopped unexpectedly (${how})`, { passing: true });
