import type { StoredEvent } from './envelope.ts';
import { type EventLog, UnreadableHistory } from './log.ts';

export interface ReadableOutlines {
  /** Of those that can be read, in log order for each task. */
  readonly events: readonly StoredEvent[];
  /** The keys of the others, and why. */
  readonly unreadable: ReadonlyMap<string, UnreadableHistory>;
}

/**
 * The outlines of these tasks, at most 100 of them, as far as they can be read. A record that cannot be read keeps those
 * beside it from being told: so then one half of the tasks is asked for, and the other, until it stands alone. Rejects
 * with `LogUnavailable`, if it is the log that does not answer.
 */
export async function readableOutlines(
  log: Pick<EventLog, 'outlines'>,
  keys: readonly string[],
): Promise<ReadableOutlines> {
  try {
    return { events: await log.outlines(keys), unreadable: new Map() };
  } catch (error) {
    if (!(error instanceof UnreadableHistory)) throw error;
    if (keys.length === 1) return { events: [], unreadable: new Map([[keys[0] as string, error]]) };
    const middle = Math.ceil(keys.length / 2);
    const one = await readableOutlines(log, keys.slice(0, middle));
    const other = await readableOutlines(log, keys.slice(middle));
    return {
      events: [...one.events, ...other.events],
      unreadable: new Map([...one.unreadable, ...other.unreadable]),
    };
  }
}
