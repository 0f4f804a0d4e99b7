import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { formatDate } from '../event-date.ts';
import type { Moment, Span } from '../reading.ts';
import { type RecordedEvent, readOrExplain, type Unreadable } from '../recorded-event.ts';
import { gatherFound } from './gather.ts';
import { STREAM } from './stream.ts';

/** Events that are looked at on the far side of a date. */
export const NEAR = 256;
/** Records of a request that looks for the next event. It is the first record, as a rule. */
const A_FEW = 8;
/** Records of one request at most, where the first ones are no events. */
const MANY = 512;
/** The server counts nanoseconds since 1970 in 64 bits, and falls over the edge without a word. */
const EARLIEST_MS = 0;
const LATEST_MS = Date.UTC(2200);

/** Events that are stored side by side may be dated in another order, by less than this. */
const SPREAD_MS = 1_000;

interface Known extends Span {
  /** Imported events all have the import's storage time, so they are searched by their own dates. */
  readonly importedThrough: number;
}

/** An event as far as finding it takes. */
export interface Dated {
  readonly seq: number;
  readonly at: string;
  /** Its sequence in the stream that was read. */
  readonly slot: number;
}

type Start = { readonly seq: number } | { readonly start_time: Date };

/** A part of a stream. */
interface Stretch {
  readonly events: readonly Dated[];
  /** The slot of its last record, whatever that is; undefined where the stream has ended before it. */
  readonly through: number | undefined;
}

/** Reads so many records of a stream. */
type ReadStretch = (start: Start, batch: number) => Promise<Stretch>;

/**
 * Finds where a date falls. The log knows when it stored an event, which is a moment after the event's own date; so
 * those that it stored next are looked at too. Clocks of hosts that are far apart make it less sharp, but no event is
 * lost between what ends at a date and what begins there. Undefined if the log holds no event.
 */
export async function locate(
  manager: JetStreamManager,
  date: string,
  known: Known,
): Promise<Moment | undefined> {
  const read = stretchesOf(manager, STREAM, ({ subject, data, seq }) => readOrExplain(subject, data, seq));
  const [first] = await eventsFrom(read, { seq: known.first }, 1);
  if (!first) return undefined;
  const near = await eventsNear(read, date, known);
  return momentOf(near, date, first.seq) ?? { from: known.last + 1, until: known.last };
}

/** Where a date falls among events around it, of a log whose first event is `beginning`. Undefined if there are none. */
export function momentOf(near: readonly Dated[], date: string, beginning: number): Moment | undefined {
  const [nearest] = near;
  if (!nearest) return undefined;
  const first = near.find(({ at }) => at >= date) ?? nearest;
  const clearlyLater = formatDate((Date.parse(date) + SPREAD_MS) * 1_000);
  const after = near.findIndex(({ at }) => at > clearlyLater);
  const beside = after === -1 ? near : near.slice(0, after);
  const last = beside.findLast(({ at }) => at <= date);
  return {
    // What was there before the log began cannot be told, so it is the gap's to tell.
    from: first.seq <= beginning ? 1 : first.seq,
    until: last?.seq ?? nearest.seq - 1,
  };
}

async function eventsNear(read: ReadStretch, date: string, known: Known): Promise<Dated[]> {
  const seq = await firstDated(read, date, { first: known.first, last: known.importedThrough });
  if (seq !== undefined) return eventsFrom(read, { seq: Math.max(known.first, seq - NEAR / 2) }, NEAR);
  const start = Math.min(Math.max(Date.parse(date), EARLIEST_MS), LATEST_MS);
  const stored = await eventsFrom(read, { start_time: new Date(start) }, NEAR);
  const isImported = stored.some((event) => event.seq <= known.importedThrough);
  return isImported ? eventsFrom(read, { seq: known.importedThrough + 1 }, NEAR) : stored;
}

/**
 * Where the first event stands that has that date or a later one, found by halving: some 20 requests of 0.2 ms.
 * Undefined if there is none.
 */
export async function firstDated(
  read: ReadStretch,
  date: string,
  { first, last }: Span,
): Promise<number | undefined> {
  let from = first;
  let to = last + 1;
  let found: number | undefined;
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const next = await nextEvent(read, middle, to);
    if (next && next.at < date) from = next.slot + 1;
    else {
      found = next?.slot ?? found;
      to = middle;
    }
  }
  return found;
}

/** The first event from one slot on and before another. Undefined if there is none. */
async function nextEvent(read: ReadStretch, from: number, to: number): Promise<Dated | undefined> {
  const [next] = await eventsFrom(read, { seq: from }, 1, to);
  return next && next.slot < to ? next : undefined;
}

/**
 * As many events as are wanted, or a few more, from there on; fewer where the stream ends, or at the slot that is said
 * to be its end. It reads on past what is no event: creates that share a turn are stored together, and so up to 1,000
 * records of their requests stand in a row behind their tasks.
 */
export async function eventsFrom(
  read: ReadStretch,
  start: Start,
  wanted: number,
  end = Number.POSITIVE_INFINITY,
): Promise<Dated[]> {
  const found: Dated[] = [];
  let batch = Math.max(A_FEW, wanted);
  for (let next = start; !('seq' in next) || next.seq < end; ) {
    const { events, through } = await read(next, batch);
    found.push(...events);
    if (found.length >= wanted || through === undefined) break;
    next = { seq: through + 1 };
    batch = Math.min(4 * batch, MANY);
  }
  return found;
}

/** How the records of a stream are read there: what is no event, or cannot be read, is passed over. */
export function stretchesOf(
  manager: JetStreamManager,
  stream: string,
  read: (message: StoredMsg) => RecordedEvent | Unreadable | undefined,
): ReadStretch {
  return async (start, batch) => {
    const messages = await gatherFound((callback) =>
      manager.direct.getBatch(stream, { ...start, batch, callback }),
    );
    const events: Dated[] = [];
    for (const message of messages) {
      const entry = read(message);
      if (entry && 'at' in entry) events.push({ seq: entry.seq, at: entry.at, slot: message.seq });
    }
    const through = messages.at(-1)?.seq;
    return { events, through };
  };
}
