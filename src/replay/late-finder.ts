import { isEnd, type TaskEventType } from '../../actors/event.ts';
import type { EventLog } from '../log/log.ts';
import { readableOutlines } from '../log/readable-outlines.ts';
import type { Entry } from '../log/reading.ts';
import type { RecordedEvent } from '../log/recorded-event.ts';
import { SeenKeys } from './seen-keys.ts';

/** Tasks of one request. */
const AT_ONCE = 100;

/** Whether events of these types can be late: a task begins once, and ends once. */
export const canBeLate = (types: readonly TaskEventType[] | undefined): boolean =>
  types?.some((type) => type !== 'queued' && !isEnd(type)) ?? true;

/**
 * Tells the events that came after their task's end, of a reading that shows all events of its tasks, from anywhere on:
 * of a task whose beginning was not read, the log is asked once whether it had ended by then.
 */
export class LateFinder {
  readonly #log: Pick<EventLog, 'outlines'>;
  readonly #known = new SeenKeys();
  readonly #ended = new SeenKeys();

  constructor(log: Pick<EventLog, 'outlines'>) {
    this.#log = log;
  }

  /** To be asked of every page of the reading, in order. */
  async among(entries: readonly Entry[]): Promise<ReadonlySet<Entry>> {
    const events = entries.filter((entry): entry is RecordedEvent => 'key' in entry);
    await this.#askFor(events);
    const late = events.filter(({ key, type }) => {
      if (type === 'queued') return false;
      const hadEnded = this.#ended.has(key);
      if (isEnd(type)) this.#ended.add(key);
      return hadEnded;
    });
    return new Set(late);
  }

  /** What had come of the tasks that this reading meets in the middle of their lives. */
  async #askFor(events: readonly RecordedEvent[]): Promise<void> {
    const unknown: string[] = [];
    for (const { key, type } of events) if (this.#known.add(key) && type !== 'queued') unknown.push(key);
    const before = events[0]?.seq ?? 0;
    for (let at = 0; at < unknown.length; at += AT_ONCE) {
      const { events: known } = await readableOutlines(this.#log, unknown.slice(at, at + AT_ONCE));
      for (const { key, seq, event } of known) if (isEnd(event.type) && seq < before) this.#ended.add(key);
    }
  }
}
