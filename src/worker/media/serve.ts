import { TaskFailure } from '../../../actors/failure.ts';
import type { Output, TaskDefinition } from '../../tasks/definition.ts';
import { MemoryFailure } from '../../tasks/memory-failure.ts';
import { heldBytes } from './held-memory.ts';
import {
  type ChildMessage,
  type Ending,
  type ParentMessage,
  type RunMessage,
  toErrorText,
} from './messages.ts';

type Tasks = ReadonlyMap<string, TaskDefinition>;

/**
 * Makes this process a child of the media pool: runs what its parent sends until the parent kills it or is gone.
 * Throws when the process was not forked with an IPC channel.
 */
export function serveTasks(tasks: Tasks): void {
  if (process.channel === undefined) throw new Error('`media` is started by a worker, not by hand');
  // Not `process.exit`: it waits for native work in the thread pool, which may be the very thing that hangs.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // Ctrl-C and service managers signal every process; the worker still wants what it drains.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  process.on('message', (message: ParentMessage) => {
    if ('taken' in message) untaken.get(message.task)?.shift()?.();
    else void runOne(tasks, message);
  });
}

/** Outputs that the parent has not taken yet, of each task that runs. */
const untaken = new Map<number, (() => void)[]>();

async function runOne(tasks: Tasks, message: RunMessage): Promise<void> {
  const { task } = message;
  untaken.set(task, []);
  try {
    end(task, { type: 'done', result: await run(tasks, message) });
  } catch (error) {
    end(task, describe(error));
  }
  untaken.delete(task);
}

function run(tasks: Tasks, { task, name, parameters, sources }: RunMessage): Promise<unknown> {
  const definition = tasks.get(name);
  if (!definition) throw new Error(`the media child knows no task '${name}'`);
  return definition.run(parameters, {
    sources,
    output: (output) => hand(task, output),
    progress: (value) => send({ task, type: 'progress', value }),
    // Never aborted: the parent kills the process instead.
    signal: new AbortController().signal,
  });
}

const end = (task: number, ending: Ending): void => send({ task, ...ending, held: heldBytes() });

function describe(error: unknown): Exclude<Ending, { type: 'done' }> {
  if (!(error instanceof TaskFailure)) return { type: 'broken', error: toErrorText(error) };
  const { message, passing, cause } = error;
  const hungry = error instanceof MemoryFailure;
  return {
    type: 'failed',
    message,
    passing,
    hungry,
    cause: cause === undefined ? undefined : toErrorText(cause),
  };
}

/** Resolves when the parent has room for another, so that no task piles up outputs, here or there. */
const hand = (task: number, output: Output): Promise<void> =>
  new Promise((resolve) => {
    send({ task, type: 'output', output });
    untaken.get(task)?.push(resolve);
  });

/** Throws at once for what cannot be cloned. That a message finds no parent is no error: it ends us. */
const send = (message: ChildMessage): void => void process.send?.(message, undefined, undefined, () => {});
