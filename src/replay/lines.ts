import { eventLine } from '../log/event-line.ts';
import type { Gap, Loss } from '../log/reading.ts';
import type { RecordedEvent, Unreadable } from '../log/recorded-event.ts';
import type { Illegal, Summary } from './verifier.ts';

type Shown = RecordedEvent | Gap | Unreadable;

/** As `history_stream` says it. */
export const jsonLine = (entry: Shown, isLate: boolean): string =>
  'gap' in entry || 'unreadable' in entry ? JSON.stringify(entry) : eventLine(entry, isLate);

/** For people: what a client sent must not steer their terminal. */
export function humanLine(entry: Shown, isLate: boolean): string {
  if ('gap' in entry) return `   ${gapLine(entry.gap)}`;
  if ('unreadable' in entry) return plain(`${seqOf(entry.unreadable.seq)}  ${entry.unreadable.reason}`);
  const { seq, at, type, key, name, account, rest } = entry;
  const time = at.slice(0, 26).replace('T', ' ');
  return plain(
    `${seqOf(seq)}  ${time}  ${type.padEnd(9)}  ${key}  ${name}  ${account}  ${rest}${isLate ? '  late' : ''}`,
  );
}

export const gapLine = ({ from, to }: Loss): string => `events ${from} to ${to} have left the log`;

const seqOf = (seq: number): string => String(seq).padStart(9);

/** With control characters, and those that turn the direction of writing, spelled out. */
export const plain = (text: string): string =>
  text.replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

export const illegalJson = ({ seq, key, kind, description }: Illegal): string =>
  JSON.stringify({ seq, key, illegal: kind, description });

export const illegalLine = ({ seq, key, kind, description }: Illegal): string =>
  plain(`illegal  event ${seq}${key ? ` of ${key}` : ''}  ${kind}: ${description}`);

export const summaryLine = ({ events, tasks, open, illegal, late, stale, digest }: Summary): string =>
  `${events} events of ${tasks} tasks, ${open} of them open; ${late} late and ${stale} stale events, which is legal\n` +
  `${illegal === 0 ? 'nothing' : illegal} illegal; sha256 of all that was read: ${digest}`;
