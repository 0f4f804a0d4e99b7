import { Compile } from 'typebox/compile';
import { TaskEvent } from '../../actors/event.ts';
import { newKey } from './key.ts';
import { parseSubject } from './subject.ts';

/** The version that this code writes. It reads all versions from 1 on. */
export const SCHEMA_VERSION = 1;

/** A fact in the log with its place. */
export interface StoredEvent {
  /** Position in the whole log: the JetStream stream sequence, from 1. */
  readonly seq: number;
  readonly key: string;
  readonly name: string;
  /** The event's own id, a ULID: tells who won when two wrote the same subject. */
  readonly id: string;
  /** Size of the stored record, in bytes. */
  readonly bytes: number;
  readonly event: TaskEvent;
}

/** A record that is not an event of ours, or of a version from the future. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
}

const checkEvent = Compile(TaskEvent);
const decoder = new TextDecoder('utf-8', { fatal: true });

/** An event's stored form: one JSON object `{v, id, type, at, account, …}`. */
export function encodeEvent(event: TaskEvent): { readonly id: string; readonly data: Buffer } {
  const id = newKey();
  return { id, data: Buffer.from(JSON.stringify({ v: SCHEMA_VERSION, id, ...event })) };
}

/** Checks a stored record once, at the edge; past here it is trusted. Throws `UnreadableEvent` with the seq. */
export function decodeEvent(subject: string, data: Uint8Array, seq: number): StoredEvent {
  const place = parseSubject(subject);
  if (!place) throw new UnreadableEvent(`event ${seq} is at the subject '${subject}', which is not a task's`);
  const { v, id, ...event } = upcast(parse(data, seq), seq);
  if (typeof id !== 'string' || !checkEvent.Check(event))
    throw new UnreadableEvent(`event ${seq} at '${subject}' does not fit version ${String(v)} of the schema`);
  return { seq, ...place, id, bytes: data.length, event };
}

const parse = (data: Uint8Array, seq: number): Record<string, unknown> => {
  try {
    return JSON.parse(decoder.decode(data)) as Record<string, unknown>;
  } catch (cause) {
    throw new UnreadableEvent(`event ${seq} is not JSON`, { cause });
  }
};

/** The one place where old versions become the current one. */
function upcast(record: Record<string, unknown>, seq: number): Record<string, unknown> {
  if (record?.v === SCHEMA_VERSION) return record;
  throw new UnreadableEvent(
    `event ${seq} has version ${String(record?.v)}, this program reads up to ${SCHEMA_VERSION}`,
  );
}
