import type { JetStreamManager } from '@nats-io/jetstream';
import { dateToMs, formatDate } from '../event-date.ts';
import type { Moment, Span } from '../reading.ts';
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

interface Known extends Span {
  /** What was imported was stored anew, all at one time: of these events only their own dates tell anything. */
  readonly importedThrough: number;
}

/** An event as far as finding it takes. */
export interface Dated {
  readonly seq: number;
  readonly at: string;
}

/**
 * Finds where a date falls. The log knows when it stored an event, which is a moment after the event's own date; so
 * those that it stored next are looked at too. Clocks of hosts that are far apart make it less sharp, but no event is
 * lost between what ends at a date and what begins there.
 */
export async function locate(manager: JetStreamManager, date: string, known: Known): Promise<Moment> {
  const near = await eventsNear(manager, date, known);
  return momentOf(near, date, known.first) ?? { from: known.last + 1, until: known.last };
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

async function eventsNear(manager: JetStreamManager, date: string, known: Known): Promise<Dated[]> {
  const seq = await importedSince(manager, date, known);
  if (seq !== undefined) return eventsFrom(manager, { seq: Math.max(known.first, seq - NEAR / 2) }, NEAR);
  const start = Math.min(Math.max(dateToMs(date), EARLIEST_MS), LATEST_MS);
  const stored = await eventsFrom(manager, { start_time: new Date(start) }, NEAR);
  const isImported = stored.some((event) => event.seq <= known.importedThrough);
  return isImported ? eventsFrom(manager, { seq: known.importedThrough + 1 }, NEAR) : stored;
}

/**
 * The first of the imported events that has that date or a later one, found by halving: some 20 requests of 0.2 ms.
 * Undefined if there is none.
 */
async function importedSince(
  manager: JetStreamManager,
  date: string,
  { first, importedThrough }: Known,
): Promise<number | undefined> {
  let from = first;
  let to = importedThrough + 1;
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const next = (await eventsFrom(manager, { seq: middle }, 16)).find(({ seq }) => seq < to);
    if (next && next.at < date) from = next.seq + 1;
    else to = middle;
  }
  return to <= importedThrough ? to : undefined;
}

type Start = { readonly seq: number } | { readonly start_time: Date };

async function eventsFrom(manager: JetStreamManager, start: Start, batch: number): Promise<Dated[]> {
  const found: Dated[] = [];
  try {
    for await (const { subject, data, seq } of await manager.direct.getBatch(STREAM, { ...start, batch })) {
      const record = readOrExplain(subject, data, seq);
      if (!('unreadable' in record)) found.push(record);
    }
  } catch (error) {
    if (!isNothingFound(error)) throw error;
  }
  return found;
}
