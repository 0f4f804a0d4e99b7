import type { RecentCount } from '../accounts/limits.ts';
import type { StoredCheckpoint } from '../log/checkpoint-store.ts';
import { type LateEvent, type LateRecord, NOTHING_LATE } from './late-events.ts';
import { stateOf, type TaskState } from './state.ts';

/**
 * What a front cannot read from the log when it needs it: the open tasks, in the order of the log, and how many
 * tasks the accounts have created lately. Ended tasks are in the log; which events were late could be, but not cheaply.
 */
export interface Checkpoint {
  /** The sequence up to which the log is folded into it. */
  readonly seq: number;
  readonly open: readonly TaskState[];
  readonly recent: readonly RecentCount[];
  readonly late: LateRecord;
}

/** To be counted up when the meaning of a line changes, as opposed to the members of a state. */
const VERSION = 3;
// The names of a state's members stand in the format: a front whose states are different passes it over.
export const FORMAT = `${VERSION}: ${Object.keys(stateOf({})).join(' ')}`;

/** One line a task; one that begins with `recent` for each count, and with `late` for each thousand late events. */
export function* toLines({ open, recent, late: { events, ...known } }: Checkpoint): Generator<string> {
  yield KNOWN + JSON.stringify(known);
  for (let at = 0; at < events.length; at += LATE_A_LINE)
    yield LATE + JSON.stringify(events.slice(at, at + LATE_A_LINE));
  for (const count of recent) yield RECENT + JSON.stringify(count);
  for (const state of open) yield JSON.stringify(state);
}

const RECENT = 'recent ';
const KNOWN = 'known ';
const LATE = 'late ';
const LATE_A_LINE = 1_000;

/** Undefined for a format that is not this program's. Throws on a line that cannot be read. */
export function fromLines({ seq, format, lines }: StoredCheckpoint): Checkpoint | undefined {
  if (format !== FORMAT) return undefined;
  const open: TaskState[] = [];
  const recent: RecentCount[] = [];
  const events: LateEvent[] = [];
  let late = NOTHING_LATE;
  for (const line of lines) {
    if (line.startsWith(RECENT)) recent.push(JSON.parse(line.slice(RECENT.length)) as RecentCount);
    else if (line.startsWith(LATE)) events.push(...(JSON.parse(line.slice(LATE.length)) as LateEvent[]));
    else if (line.startsWith(KNOWN)) late = JSON.parse(line.slice(KNOWN.length)) as LateRecord;
    else open.push(stateOf(JSON.parse(line) as TaskState));
  }
  return { seq, open, recent, late: { ...late, events } };
}
