import type { StoredEvent } from '../log/envelope.ts';
import type { LogReader, TaskHistories } from '../log/log.ts';
import { lastUntil, type Position } from '../log/position.ts';
import { foldHistory, type TaskState } from '../projection/state.ts';
import { nameOf } from './keys.ts';
import { type Problem, RequestError } from './request-error.ts';

/** A task with the events that it is made of. */
export interface KnownTask {
  readonly state: TaskState;
  readonly history: readonly StoredEvent[];
}

const AT_ONCE = 32;

/**
 * What `show` makes of each task as it was when the log ended at that position, in the order of `keys`. It is called once
 * a task, as soon as that has been read: histories may have a megabyte each, and none is held on to here. Rejects with a
 * 404 `RequestError` that names each task which had not been queued then, and with what `show` throws.
 */
export async function readPast<Shown>(
  log: LogReader & TaskHistories,
  keys: readonly string[],
  position: Position,
  location: Problem['location'],
  show: (task: KnownTask) => Shown,
): Promise<Shown[]> {
  const through = await throughOf(log, position);
  const known = new Map<string, Shown>();
  const distinct = [...new Set(keys)];
  for (let at = 0; at < distinct.length; at += AT_ONCE) {
    const readOne = async (key: string): Promise<void> => {
      const history = await historyAt(log, key, position, through);
      const state = foldHistory(history);
      if (state) known.set(key, show({ state, history }));
    };
    await Promise.all(distinct.slice(at, at + AT_ONCE).map(readOne));
  }
  const shown: Shown[] = [];
  const unknown: Problem[] = [];
  for (const [index, key] of keys.entries()) {
    if (known.has(key)) shown.push(known.get(key) as Shown);
    else {
      const description = `no task had the key '${key}' then, or the log has let go of it`;
      unknown.push({ name: nameOf(keys, index), location, description });
    }
  }
  if (unknown.length > 0) throw new RequestError(404, unknown);
  return shown;
}

/** The log ends there for all of these tasks, also where more is stored while they are read. */
async function throughOf(log: LogReader, position: Position): Promise<number> {
  const through = await lastUntil(log, position);
  return position.kind === 'date' ? through : Math.min(through, (await log.extent()).last);
}

/**
 * A date is held against the dates of the task's own events, since another one's may have been stored between. What the
 * log had there is needed all the same: of progress it gives the newest, which today is that of a later time.
 */
async function historyAt(
  log: LogReader & TaskHistories,
  key: string,
  position: Position,
  through: number,
): Promise<readonly StoredEvent[]> {
  const then = await log.history(key, through);
  if (position.kind === 'seq') return then;
  const bySeq = new Map([...then, ...(await log.history(key))].map((event) => [event.seq, event]));
  const events = [...bySeq.values()].sort((a, b) => a.seq - b.seq);
  const later = events.findIndex(({ event }) => event.at > position.date);
  return later === -1 ? events : events.slice(0, later);
}
