import { TaskFailure } from '../../../actors/failure.ts';
import type { TaskDefinition } from '../../tasks/definition.ts';
import { type ChildMessage, type RunMessage, toErrorText } from './messages.ts';

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
  process.on('message', (message: RunMessage) => void runOne(tasks, message));
}

async function runOne(tasks: Tasks, message: RunMessage): Promise<void> {
  const { task } = message;
  try {
    await say({ task, type: 'done', result: await run(tasks, message) });
  } catch (error) {
    await say({ task, ...describe(error) });
  }
}

function run(tasks: Tasks, { task, name, parameters, sources }: RunMessage): Promise<unknown> {
  const definition = tasks.get(name);
  if (!definition) throw new Error(`the media child knows no task '${name}'`);
  return definition.run(parameters, {
    sources,
    output: (output) => say({ task, type: 'output', output }),
    progress: (value) => send({ task, type: 'progress', value }),
    // Never aborted: the parent kills the process instead.
    signal: new AbortController().signal,
  });
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'task'> : never;

function describe(error: unknown): Unnumbered<Extract<ChildMessage, { type: 'failed' | 'broken' }>> {
  if (!(error instanceof TaskFailure)) return { type: 'broken', error: toErrorText(error) };
  const { message, passing, cause } = error;
  return { type: 'failed', message, passing, cause: cause === undefined ? undefined : toErrorText(cause) };
}

/** Throws at once for what cannot be cloned. That a message finds no parent is no error: it ends us. */
const send = (message: ChildMessage, sent: () => void = () => {}): void =>
  void process.send?.(message, undefined, undefined, sent);

/** Resolves once the message has left this process, so that no task piles up outputs. */
const say = (message: ChildMessage): Promise<void> => new Promise((resolve) => send(message, resolve));
