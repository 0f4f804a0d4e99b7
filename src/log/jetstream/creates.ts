import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StoredMsg,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { Config } from '../../config.ts';
import {
  CREATE_MEMORY_MS,
  type CreateName,
  type CreateRecord,
  type FoundCreate,
  type Submission,
  type Turn,
} from '../creates.ts';
import { UnreadableEvent } from '../envelope.ts';
import { LogUnavailable } from '../log.ts';
import { isRequestSubject, requestSubject, turnSubject } from '../subject.ts';
import { provideStream } from './any-stream.ts';
import { logInfo } from './log-info.ts';
import type { BatchMessage, Companions } from './publish-batch.ts';
import { expectLast } from './publisher.ts';
import { STREAM } from './stream.ts';

const REQUESTS = 'REQUESTS';

/**
 * The messages that go with the events of a submission: the turn before them, the records of named creates behind them, so
 * that none is there without all of its tasks, whatever a power failure leaves of the batch. Each demands what the
 * submission builds on, and takes its place for the next one.
 */
export function companionsOf({ entries, turn, records }: Submission): Companions {
  const [before, behind]: [BatchMessage[], BatchMessage[]] = [[], []];
  if (turn)
    before.push({
      subject: turnSubject(turn.account),
      bytes: Buffer.from(JSON.stringify({ v: 1, messages: entries.length })),
      headers: [expectLast(turn.after)],
    });
  for (const { account, idempotencyKey, at, digest, keys, after } of records)
    behind.push({
      subject: requestSubject(account, idempotencyKey),
      bytes: Buffer.from(JSON.stringify({ v: 1, at, body: digest, keys })),
      headers: [expectLast(after)],
    });
  return { before, behind };
}

type Settings = Pick<Config, 'MAX_LOG_BYTES' | 'MAX_LOG_EVENTS' | 'REPLICAS'>;

/**
 * The stream that remembers named creates for as long as was promised, though the log may let go of them earlier,
 * by age or for want of room. It fills itself from the log, so the log alone decides what is in it.
 */
export async function ensureRequestsStream(manager: JetStreamManager, settings: Settings): Promise<void> {
  const made = {
    name: REQUESTS,
    sources: [{ name: STREAM, filter_subject: 'request.>' }],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: nanos(CREATE_MEMORY_MS),
    max_msgs_per_subject: 1,
    allow_direct: true,
  };
  await provideStream(manager, made, {
    // A tenth of what the log may take, and one for each three of its events, which is a task.
    max_bytes: Math.ceil(settings.MAX_LOG_BYTES / 10),
    max_msgs: Math.ceil(settings.MAX_LOG_EVENTS / 3),
    num_replicas: settings.REPLICAS,
  });
}

export async function findCreate(
  manager: JetStreamManager,
  { account, idempotencyKey }: CreateName,
  isReplicated: boolean,
): Promise<FoundCreate> {
  const subject = requestSubject(account, idempotencyKey);
  try {
    const [inLog, remembered] = await Promise.all(
      [STREAM, REQUESTS].map((stream) => last(manager, stream, subject, isReplicated)),
    );
    const stored = inLog ?? remembered;
    const record = stored ? recordOf(stored) : undefined;
    const isForgotten = record && Date.parse(record.at) < Date.now() - CREATE_MEMORY_MS;
    return { record: isForgotten ? undefined : record, after: inLog?.seq ?? 0 };
  } catch (cause) {
    if (cause instanceof UnreadableEvent) throw cause;
    throw new LogUnavailable('could not look for an earlier request', { cause });
  }
}

function recordOf(message: StoredMsg): CreateRecord {
  const { at, body, keys } = decode(StoredCreate, message);
  return { at, digest: body, keys };
}

/** The tasks of the create whose record this is; none of any other message, nor of a record that cannot be read. */
export function keysOfRequest(message: StoredMsg): readonly string[] {
  if (!isRequestSubject(message.subject)) return [];
  try {
    return decode(StoredCreate, message).keys;
  } catch {
    // Of another version. Nobody was told of it, so its tasks may as well be ended.
    return [];
  }
}

export async function lastTurn(
  manager: JetStreamManager,
  account: string,
  isReplicated: boolean,
): Promise<Turn> {
  try {
    const turn = await last(manager, STREAM, turnSubject(account), isReplicated);
    if (!turn) return { seq: 0, end: 0 };
    const { last_seq } = (await logInfo(manager)).state;
    // A power failure may have left a beginning of it, and what it lost is never going to be there.
    return { seq: turn.seq, end: Math.min(turn.seq + decode(StoredTurn, turn).messages, last_seq) };
  } catch (cause) {
    if (cause instanceof UnreadableEvent) throw cause;
    throw new LogUnavailable('could not read the last turn of an account', { cause });
  }
}

/** Where a replica may lag, only the leader will do; where there is none, the faster way does. */
const last = (
  manager: JetStreamManager,
  stream: string,
  last_by_subj: string,
  isReplicated: boolean,
): Promise<StoredMsg | null> =>
  isReplicated
    ? manager.streams.getMessage(stream, { last_by_subj })
    : manager.direct.getMessage(stream, { last_by_subj });

const V = Type.Literal(1);
/** `body`: the digest of the definitions. */
const StoredCreate = Compile(
  Type.Object({ v: V, at: Type.String(), body: Type.String(), keys: Type.Array(Type.String()) }),
);
/** `messages`: how many come right behind it in the same batch, the last of them an event. */
const StoredTurn = Compile(Type.Object({ v: V, messages: Type.Integer({ minimum: 1 }) }));

function decode<T>(schema: { Check(value: unknown): value is T }, { data, seq, subject }: StoredMsg): T {
  const value: unknown = JSON.parse(Buffer.from(data).toString());
  if (schema.Check(value)) return value;
  throw new UnreadableEvent(`the record ${seq} at '${subject}' does not fit version 1 of its schema`);
}
