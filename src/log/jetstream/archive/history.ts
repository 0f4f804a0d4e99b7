import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { isEnd } from '../../../../actors/event.ts';
import { decodeEvent, type StoredEvent } from '../../envelope.ts';
import { timeOf } from '../../key.ts';
import type { LogRecord, Span } from '../../reading.ts';
import { readOrExplain } from '../../recorded-event.ts';
import { parseSubject, subjectOf } from '../../subject.ts';
import { orNothing } from '../any-stream.ts';
import { gatherFound } from '../gather.ts';
import { asArchived, slotAfter, slotsOf } from './record.ts';
import { ARCHIVE, shardSubject } from './stream.ts';

/**
 * A task is stored a moment after its key was made. Where it is not found so close to that, the clocks of its host and
 * of the log may differ, or the log had to be waited for.
 */
const MARGINS_MS = [1_000, 60_000];
/** What came later after the end than this, or than so many records of other tasks, is not looked for. */
const LATE_MS = 60_000;
const LATE_RECORDS = 50;
/** Late events that are read one by one, in some milliseconds each at worst. */
const LATE_AT_MOST = 200;
/** Records of one request. Each may lie in a block of its own, which is read and unpacked whole. */
const BATCH = 32;

/**
 * What the archive has of a task's events before a sequence. Its shard is read from the time in its key on, until its
 * end has been seen and what may have come late after it, or it is clear that there never was such a task.
 */
export async function readArchived(
  manager: JetStreamManager,
  key: string,
  before: number,
): Promise<StoredEvent[]> {
  const isToCome = timeOf(key) > Date.now() + Math.max(...MARGINS_MS);
  if (isToCome || !(await slotsOf(manager))) return [];
  let found: StoredEvent[] = [];
  for (const marginMs of MARGINS_MS) {
    found = await readShard(manager, key, { before, marginMs });
    if (found[0]?.event.type === 'queued') break;
  }
  return found;
}

async function readShard(
  manager: JetStreamManager,
  key: string,
  { before, marginMs }: { readonly before: number; readonly marginMs: number },
): Promise<StoredEvent[]> {
  const found: StoredEvent[] = [];
  let untilMs = timeOf(key) + marginMs;
  let others = 0;
  for await (const record of recordsOf(manager, shardSubject(key), timeOf(key) - marginMs)) {
    if (record.seq >= before) break;
    if (parseSubject(record.subject)?.key === key) {
      found.push(decodeEvent(record.subject, record.bytes, record.seq));
      untilMs = untilMsOf(found);
      others = 0;
    } else if (dateOf(record) > untilMs || (endOf(found) && ++others > LATE_RECORDS)) break;
  }
  return found;
}

/** The task's events among what stands at these sequences, the newest of them. */
export async function readSequences(
  manager: JetStreamManager,
  key: string,
  seqs: readonly number[],
): Promise<StoredEvent[]> {
  const slots = seqs.length > 0 ? await slotsOf(manager) : undefined;
  const found: StoredEvent[] = [];
  for (const seq of slots ? seqs.slice(-LATE_AT_MOST) : []) {
    const slot = await slotAfter(manager, seq - 1, slots as Span);
    const message = await orNothing(manager.streams.getMessage(ARCHIVE, { seq: slot }));
    const record = message && asArchived(message);
    if (record?.seq === seq && parseSubject(record.subject)?.key === key)
      found.push(decodeEvent(record.subject, record.bytes, seq));
  }
  return found;
}

/** What the archive took of a shard at that time and later. */
async function* recordsOf(
  manager: JetStreamManager,
  shard: string,
  sinceMs: number,
): AsyncGenerator<LogRecord> {
  const chosen = { next_by_subj: shard, batch: BATCH };
  let messages = await readBatch(manager, { ...chosen, start_time: new Date(Math.max(0, sinceMs)) });
  while (messages.length > 0) {
    yield* messages.map(asArchived);
    const slot = messages.at(-1)?.seq as number;
    messages = await readBatch(manager, { ...chosen, seq: slot + 1 });
  }
}

/** Of each subject the newest up to a sequence, in log order: what a log that has them all would tell. */
export function newestOfEach(
  events: readonly StoredEvent[],
  through = Number.POSITIVE_INFINITY,
): StoredEvent[] {
  const newest = new Map<string, StoredEvent>();
  for (const stored of [...events].sort((a, b) => a.seq - b.seq))
    if (stored.seq <= through) newest.set(subjectOf(stored.name, stored.key, stored.event), stored);
  return [...newest.values()].sort((a, b) => a.seq - b.seq);
}

const endOf = (events: readonly StoredEvent[]): StoredEvent | undefined =>
  events.find(({ event }) => isEnd(event.type));

/** A task that has not ended may go on at any time. */
function untilMsOf(events: readonly StoredEvent[]): number {
  const end = endOf(events);
  return end ? Date.parse(end.event.at) + LATE_MS : Number.POSITIVE_INFINITY;
}

/** By its own date: the archive may have been filled long after. */
function dateOf({ subject, bytes, seq }: LogRecord): number {
  const entry = readOrExplain(subject, bytes, seq);
  return 'unreadable' in entry ? 0 : Date.parse(entry.at);
}

const readBatch = (
  manager: JetStreamManager,
  query: Parameters<JetStreamManager['direct']['getBatch']>[1],
): Promise<StoredMsg[]> =>
  gatherFound((callback) => manager.direct.getBatch(ARCHIVE, { ...query, callback }));
