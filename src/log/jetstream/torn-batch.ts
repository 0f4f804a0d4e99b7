import type { JetStreamManager } from '@nats-io/jetstream';
import { LogConflict, type LogWriter, type TaskHistories } from '../log.ts';
import { sealEnd } from '../seal.ts';
import { queuedAt, type TaskRef } from '../subject.ts';
import { keysOfRequest } from './creates.ts';
import { logInfo } from './log-info.ts';
import { STREAM } from './stream.ts';

/** The error of the tasks of such a request. */
export const NOT_CARRIED_OUT =
  'the request was cut off while it was being stored; it was not acknowledged, and is not carried out';

/**
 * Ends what a power failure, or the end of a container, has left of requests that were being stored: a beginning of their
 * batch, at the end of the log. Nobody had an answer to them, and a request is carried out as a whole or not at all. One
 * whose record is there is whole, since that stands behind its tasks: its client will ask for them by its name.
 *
 * To be called while nobody else writes: a batch that is being stored looks the same. Once `signal` is aborted, others may
 * write, and nothing is ended any more. Resolves with how many tasks were ended. Rejects as the log does, and with the
 * signal's reason.
 */
export async function endTornRequest(
  manager: JetStreamManager,
  log: LogWriter & TaskHistories,
  signal: AbortSignal,
): Promise<number> {
  const tasks = await tornTasks(manager);
  signal.throwIfAborted();
  const ends = await Promise.all(
    tasks.map((task) => sealEnd(log, task, { type: 'failed', error: NOT_CARRIED_OUT })),
  );
  try {
    if (ends.length > 0) await log.appendAll(ends);
  } catch (error) {
    if (!(error instanceof LogConflict)) throw error;
    // The power failed again while this was done the last time.
    await Promise.all(ends.map((end) => log.append(end).catch(unlessEnded)));
  }
  return ends.length;
}

function unlessEnded(error: unknown): void {
  if (!(error instanceof LogConflict)) throw error;
}

/** From the end backwards, as long as the messages are of batches that have no end. */
async function tornTasks(manager: JetStreamManager): Promise<TaskRef[]> {
  const { first_seq, last_seq } = (await logInfo(manager)).state;
  const tasks: TaskRef[] = [];
  const whole = new Set<string>();
  for (let seq = last_seq; seq >= first_seq && seq > 0; seq--) {
    const message = await manager.streams.getMessage(STREAM, { seq });
    if (!message?.header.has('Nats-Batch-Id') || message.header.has('Nats-Batch-Commit')) return tasks;
    const task = queuedAt(message.subject);
    if (task && !whole.has(task.key)) tasks.push(task);
    for (const key of keysOfRequest(message)) whole.add(key);
  }
  return tasks;
}
