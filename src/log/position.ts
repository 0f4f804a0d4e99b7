import { formatDate } from './event-date.ts';
import type { LogReader } from './log.ts';

/** A position in the log as clients name it: the sequence of an event, or a date. */
export type Position =
  | { readonly kind: 'seq'; readonly seq: number }
  /** In the form of the events' own dates, so that the two can be compared as text. */
  | { readonly kind: 'date'; readonly date: string };

const SEQ = /^\d{1,15}$/;
// A plus in a query is a space to whoever decodes it, and dates are pasted from answers.
const DATE = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+ -])(\d\d):?(\d\d))?)?$/;

/** Undefined for what is neither a sequence nor an ISO 8601 date from 1970 on. Dates without an offset are in UTC. */
export function parsePosition(text: string): Position | undefined {
  if (SEQ.test(text)) return { kind: 'seq', seq: Number(text) };
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [, day, time = '00:00', second = '00', fraction = '', sign, hours = '00', minutes = '00'] = match;
  const local = Date.parse(`${day}T${time}:${second}Z`);
  const isReal = !Number.isNaN(local) && new Date(local).toISOString().startsWith(`${day}T${time}`);
  if (!isReal || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  const ms = sign === '-' ? local + offset : local - offset;
  if (ms < 0 || ms >= Date.UTC(10_000)) return undefined;
  // A number does not hold the microseconds of far years.
  const micros = fraction.padEnd(6, '0').slice(0, 6);
  return { kind: 'date', date: formatDate(ms * 1_000).replace('.000000', `.${micros}`) };
}

/** The sequence of the first event that a reading from there on has. Rejects with `LogUnavailable`, as does the next. */
export const firstFrom = async (log: Pick<LogReader, 'locate'>, position: Position): Promise<number> =>
  position.kind === 'seq' ? position.seq : (await log.locate(position.date)).from;

/** The sequence of the last event that a reading up to there has; it may lie behind the end of the log. */
export const lastUntil = async (log: Pick<LogReader, 'locate'>, position: Position): Promise<number> =>
  position.kind === 'seq' ? position.seq : (await log.locate(position.date)).until;

/** True where both are sequences, or both dates, and the first is the later one; of the others only the log can tell. */
export const isAfter = (position: Position | undefined, other: Position | undefined): boolean =>
  (position?.kind === 'seq' && other?.kind === 'seq' && position.seq > other.seq) ||
  (position?.kind === 'date' && other?.kind === 'date' && position.date > other.date);
