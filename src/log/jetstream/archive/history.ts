import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { decodeEvent, type StoredEvent } from '../../envelope.ts';
import { dateToMs } from '../../event-date.ts';
import { timeOf } from '../../key.ts';
import type { LogRecord } from '../../reading.ts';
import { readOrExplain } from '../../recorded-event.ts';
import { parseSubject, subjectOf } from '../../subject.ts';
import { isNothingFound } from '../history.ts';
import { asArchived, placesOf } from './record.ts';
import { ARCHIVE, shardOf } from './stream.ts';

/** Clocks of hosts may differ from the log's, and a task is stored a moment after its key was made. */
const CLOCKS_MS = 60_000;
/** What came later after the end than this, or than so many records of other tasks, is not looked for. */
const LATE_MS = 600_000;
const LATE_RECORDS = 200;
/** Records of a request: the first is small, since a task's events mostly lie close to each other. */
const FIRST_BATCH = 64;
const BATCH = 200;

/**
 * What the archive has of a task's events before a sequence. Its shard is read from the time in its key on, until its
 * end has been seen and what may have come late after it, or it is clear that there never was such a task: 2-50 ms
 * among a million tasks.
 */
export async function readArchived(
  manager: JetStreamManager,
  key: string,
  before: number,
): Promise<StoredEvent[]> {
  const madeAtMs = timeOf(key);
  const isToCome = madeAtMs > Date.now() + CLOCKS_MS;
  if (isToCome || !(await placesOf(manager))) return [];
  const found: StoredEvent[] = [];
  let untilMs = madeAtMs + CLOCKS_MS;
  let lateRecords = 0;
  const next_by_subj = shardOf(key);
  let messages = await readBatch(manager, {
    start_time: new Date(Math.max(0, madeAtMs - CLOCKS_MS)),
    next_by_subj,
    batch: FIRST_BATCH,
  });
  while (messages.length > 0) {
    for (const record of messages.map(asArchived)) {
      if (record.seq >= before) return found;
      if (parseSubject(record.subject)?.key === key) {
        const stored = decodeEvent(record.subject, record.bytes, record.seq);
        found.push(stored);
        untilMs = untilMsOf(found);
        lateRecords = 0;
      } else if (dateOf(record) > untilMs || (isEnded(found) && ++lateRecords > LATE_RECORDS)) return found;
    }
    const place = messages.at(-1)?.seq as number;
    messages = await readBatch(manager, { seq: place + 1, next_by_subj, batch: BATCH });
  }
  return found;
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

const isEnd = ({ event: { type } }: StoredEvent): boolean =>
  type === 'completed' || type === 'failed' || type === 'canceled';
const isEnded = (events: readonly StoredEvent[]): boolean => events.some(isEnd);

/** A task that has not ended may go on at any time. */
function untilMsOf(events: readonly StoredEvent[]): number {
  const end = events.find(isEnd);
  return end ? dateToMs(end.event.at) + LATE_MS : Number.POSITIVE_INFINITY;
}

/** By its own date: the archive may have been filled long after. */
function dateOf({ subject, bytes, seq }: LogRecord): number {
  const entry = readOrExplain(subject, bytes, seq);
  return 'unreadable' in entry ? 0 : dateToMs(entry.at);
}

async function readBatch(
  manager: JetStreamManager,
  query: Parameters<JetStreamManager['direct']['getBatch']>[1],
): Promise<StoredMsg[]> {
  const messages: StoredMsg[] = [];
  try {
    for await (const message of await manager.direct.getBatch(ARCHIVE, query)) messages.push(message);
  } catch (error) {
    if (!isNothingFound(error)) throw error;
  }
  return messages;
}
