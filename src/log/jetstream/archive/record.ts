import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { UnreadableEvent } from '../../envelope.ts';
import type { LogRecord, Span } from '../../reading.ts';
import { findStream, orNothing } from '../any-stream.ts';
import { isNothingFound } from '../gather.ts';
import { ARCHIVE } from './stream.ts';

/** Where a record stood in the log. */
interface Origin {
  readonly seq: number;
  readonly subject: string;
}

interface ArchivedMessage {
  readonly headers?: { get(name: string): string } | undefined;
  readonly seq: number;
}

/**
 * What JetStream notes on each message that it takes from another stream:
 * `TASKS <seq> <filters> <transforms> <subject> …`. Throws `UnreadableEvent`.
 */
export function originOf({ headers, seq }: ArchivedMessage): Origin {
  const [, number, , , subject] = headers?.get('Nats-Stream-Source').split(' ') ?? [];
  if (!number || !subject) throw new UnreadableEvent(`record ${seq} of the archive does not say what it is`);
  return { seq: Number(number), subject };
}

/** The record as it was in the log; but its time is that at which the archive took it. */
export const asArchived = (message: StoredMsg): LogRecord => ({
  ...originOf({ headers: message.header, seq: message.seq }),
  bytes: message.data,
  storedAtMs: Date.parse(message.timestamp),
});

/** What the archive holds, in sequences of its own, here called slots. Undefined if it holds nothing, or there is none. */
export async function slotsOf(manager: JetStreamManager): Promise<Span | undefined> {
  const info = await findStream(manager, ARCHIVE);
  if (!info || info.state.messages === 0) return undefined;
  return { first: info.state.first_seq, last: info.state.last_seq };
}

/** The sequence in the log of what lies there; undefined if the archive has let go of it. */
export async function seqAt(manager: JetStreamManager, slot: number): Promise<number | undefined> {
  const message = await orNothing(manager.streams.getMessage(ARCHIVE, { seq: slot }));
  return message && originOf({ headers: message.header, seq: slot }).seq;
}

/** What the archive took first at that time, in milliseconds since 1970, or later. Undefined if there is none. */
export async function firstArchivedSince(
  manager: JetStreamManager,
  ms: number,
): Promise<{ readonly slot: number; readonly seq: number } | undefined> {
  try {
    const message = await manager.direct.getMessage(ARCHIVE, { start_time: new Date(Math.max(0, ms)) });
    return message
      ? { slot: message.seq, seq: originOf({ headers: message.header, seq: message.seq }).seq }
      : undefined;
  } catch (error) {
    if (isNothingFound(error)) return undefined;
    throw error;
  }
}

/**
 * The first slot with something that came after this sequence; one more than the last if there is none. Two requests,
 * and some twenty more where the archive has holes: for so many slots so many sequences must have passed.
 */
export async function slotAfter(
  manager: JetStreamManager,
  seq: number,
  { first, last }: Span,
): Promise<number> {
  const [lowest, highest] = await Promise.all([seqAt(manager, first), seqAt(manager, last)]);
  if (highest === undefined) return last + 1;
  if (highest <= seq) return last + 1;
  if (lowest === undefined || lowest > seq) return first;
  let low = { slot: first, seq: lowest };
  let high = { slot: last, seq: highest };
  for (;;) {
    const least = Math.max(low.slot + 1, high.slot - (high.seq - seq) + 1);
    const most = Math.min(high.slot, low.slot + (seq - low.seq) + 1);
    if (least >= most) return most;
    const slot = Math.floor((least + most - 1) / 2);
    const found = await seqAt(manager, slot);
    // What it lets go of meanwhile came before.
    if (found === undefined || found <= seq) low = { slot, seq: found ?? low.seq + (slot - low.slot) };
    else high = { slot, seq: found };
  }
}
