import { later, type Queued, type TaskEvent } from '../../actors/event.ts';
import { encodeEvent, hashOf } from './envelope.ts';
import { eventDate } from './event-date.ts';
import { type Append, LogUnavailable, type TaskHistories } from './log.ts';
import type { TaskRef } from './subject.ts';

/**
 * Brings an event into its stored form, with an id of its own. Every event but `queued`, a task's first, names
 * an event of the task that is in the log, by its hash: the last one that the writer knows. So the events of a
 * task form a tree, and none that another one names can be changed or taken out unnoticed.
 */
export function seal(task: TaskRef, event: Queued): Append;
export function seal(task: TaskRef, event: TaskEvent, prev: string): Append;
export function seal({ name, key }: TaskRef, event: TaskEvent, prev?: string): Append {
  return { name, key, event, ...encodeEvent(event, prev) };
}

/** An event that has yet to be written: its writer knows the account and, when it comes to it, the date. */
export type Unstamped<T = TaskEvent> = T extends TaskEvent ? Omit<T, 'at' | 'account'> : never;

/** The event with its date and account, its members in the order in which they are stored. */
export const stamped = (event: Unstamped, at: string, account: string): TaskEvent =>
  Object.assign({ type: event.type, at, account }, event) as TaskEvent;

/** What ends a task from outside of its attempts. */
export type OutsideEnd =
  | Pick<TaskEvent & { readonly type: 'canceled' }, 'type'>
  | Pick<TaskEvent & { readonly type: 'failed' }, 'type' | 'error'>;

/**
 * The end of a task whose history the caller does not have at hand: it is read from the log (0.3 ms), for the newest attempt,
 * and for a date that is not before that of the newest event. Rejects with `LogUnavailable`.
 */
export async function sealEnd(log: TaskHistories, task: TaskRef, end: OutsideEnd): Promise<Append> {
  const history = await log.history(task.key);
  const newest = history.at(-1);
  if (!newest) throw new LogUnavailable(`the log does not have the history of ${task.key}`);
  const at = later(newest.event.at, eventDate());
  const attempt = Math.max(0, ...history.map(({ event }) => ('attempt' in event ? event.attempt : 0)));
  const event = Object.assign({ type: end.type, attempt }, end) as Unstamped;
  return seal(task, stamped(event, at, newest.event.account), hashOf(newest.bytes));
}
