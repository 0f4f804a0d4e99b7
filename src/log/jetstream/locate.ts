import type { JetStreamManager } from '@nats-io/jetstream';
import { dateToMs, formatDate } from '../event-date.ts';
import type { Extent, Moment } from '../reading.ts';
import { readOrExplain } from '../recorded-event.ts';
import { isNothingFound } from './history.ts';
import { STREAM } from './stream.ts';

/** Events that are looked at on the far side of a date. */
export const NEAR = 256;
/** The server counts nanoseconds since 1970 in 64 bits, and falls over the edge without a word. */
const EARLIEST_MS = 0;
const LATEST_MS = Date.UTC(2200);

/** Events that are stored side by side may be dated in another order, by less than this. */
const SPREAD_MS = 1_000;

/**
 * Finds where a date falls. The log knows when it stored an event, which is a moment after the event's own date; so
 * those that it stored next are looked at too. Clocks of hosts that are far apart make it less sharp, but no event is
 * lost between what ends at a date and what begins there.
 */
export async function locate(manager: JetStreamManager, date: string, extent: Extent): Promise<Moment> {
  const near = await storedSince(manager, date);
  return momentOf(near, date, extent.first) ?? { from: extent.last + 1, until: extent.last };
}

/** An event as far as finding it takes. */
export interface Dated {
  readonly seq: number;
  readonly at: string;
}

/** Where a date falls among events around it, of a log that begins at `beginning`. Undefined if there are none. */
export function momentOf(near: readonly Dated[], date: string, beginning: number): Moment | undefined {
  const [nearest] = near;
  if (!nearest) return undefined;
  const first = near.find(({ at }) => at >= date) ?? nearest;
  const clearlyLater = formatDate((dateToMs(date) + SPREAD_MS) * 1_000);
  const after = near.findIndex(({ at }) => at > clearlyLater);
  const beside = after === -1 ? near : near.slice(0, after);
  const last = beside.findLast(({ at }) => at <= date);
  return {
    // What was there before the log began cannot be told, so it is the gap's to tell.
    from: first.seq <= beginning ? 1 : first.seq,
    until: last?.seq ?? nearest.seq - 1,
  };
}

async function storedSince(manager: JetStreamManager, date: string): Promise<Dated[]> {
  const found: Dated[] = [];
  try {
    const start = Math.min(Math.max(dateToMs(date), EARLIEST_MS), LATEST_MS);
    const messages = await manager.direct.getBatch(STREAM, { start_time: new Date(start), batch: NEAR });
    for await (const { subject, data, seq } of messages) {
      const record = readOrExplain(subject, data, seq);
      if (!('unreadable' in record)) found.push(record);
    }
  } catch (error) {
    if (!isNothingFound(error)) throw error;
  }
  return found;
}
