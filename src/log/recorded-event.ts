import { TASK_EVENT_TYPES, type TaskEventType } from '../../actors/event.ts';
import { decodeEvent, SCHEMA_VERSION, UnreadableEvent } from './envelope.ts';
import { parseSubject } from './subject.ts';

/** A fact in the log and where it stands, read only as far as choosing and showing it takes. */
export interface RecordedEvent {
  /** Position in the whole log, from 1. */
  readonly seq: number;
  readonly key: string;
  readonly name: string;
  readonly type: TaskEventType;
  /** As its writer dated it. */
  readonly at: string;
  readonly account: string;
  /** The event's other members, as the JSON text of an object: `{"attempt":1,"worker":"media-1-4711"}`. */
  readonly rest: string;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** How a record of the current version begins, as `encodeEvent` writes it; what follows is JSON, up to the last brace. */
const TEXT = '"([^"\\\\]+)"';
const HEAD = new RegExp(
  `^\\{"v":${SCHEMA_VERSION},"id":${TEXT},(?:"prev":${TEXT},)?"type":"(${TASK_EVENT_TYPES.join('|')})","at":"([0-9T:.+-]+)","account":${TEXT}([,}])`,
);

/**
 * Reads what stands in front and hands the rest on as it is, once it is known to be one JSON text, so that it cannot
 * break the line that it becomes part of: some 1.5 µs, where checking and writing it again take 6. A record in any other
 * form, such as one of an older version, takes the long way.
 *
 * Throws `UnreadableEvent` with the seq.
 */
export function readRecord(subject: string, bytes: Uint8Array, seq: number): RecordedEvent {
  const task = parseSubject(subject);
  const text = task && textOf(bytes);
  const head = text === undefined ? null : HEAD.exec(text);
  if (!task || text === undefined || head === null) return readWhole(subject, bytes, seq);
  const [whole, , , type, at, account, next] = head as unknown as Head;
  const rest = `{${next === '}' ? next : text.slice(whole.length)}`;
  if (!isJson(rest)) return readWhole(subject, bytes, seq);
  return { seq, key: task.key, name: task.name, type, at, account, rest };
}

/** A record that cannot be read; whose it was cannot be told either. */
export interface Unreadable {
  readonly unreadable: { readonly seq: number; readonly reason: string };
}

/** As `readRecord`, for whoever goes on after a record that cannot be read. */
export function readOrExplain(subject: string, bytes: Uint8Array, seq: number): RecordedEvent | Unreadable {
  try {
    return readRecord(subject, bytes, seq);
  } catch (error) {
    if (error instanceof UnreadableEvent) return { unreadable: { seq, reason: error.message } };
    throw error;
  }
}

type Head = readonly [string, string, string | undefined, TaskEventType, string, string, ',' | '}'];

function readWhole(subject: string, bytes: Uint8Array, seq: number): RecordedEvent {
  const { key, name, event } = decodeEvent(subject, bytes, seq);
  const { type, at, account, ...rest } = event;
  return { seq, key, name, type, at, account, rest: JSON.stringify(rest) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Undefined for what is not the text of one line: it would break the lines that events are shown in. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    return text.endsWith('}') && !text.includes('\n') && !text.includes('\r') ? text : undefined;
  } catch {
    return undefined;
  }
}
