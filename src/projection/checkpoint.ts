import type { RecentCount } from '../accounts/limits.ts';
import type { SavedCheckpoint } from '../log/checkpoints.ts';
import type { TaskState } from './state.ts';

/**
 * What a front cannot read from the log when it needs it: the open tasks, in the order of the log, and how many
 * tasks the accounts have created lately. Ended tasks are in the log.
 */
export interface Checkpoint {
  /** The sequence up to which the log is folded into it. */
  readonly seq: number;
  readonly open: readonly TaskState[];
  readonly recent: readonly RecentCount[];
}

/** A state that was saved as JSON, with all its members. */
export const stateOf = (saved: Partial<TaskState>): TaskState => ({
  key: saved.key as string,
  name: saved.name as string,
  account: saved.account as string,
  status: saved.status as TaskState['status'],
  attempt: saved.attempt as number,
  at: saved.at as string,
  queued: saved.queued as string,
  started: saved.started,
  completed: saved.completed,
  progress: saved.progress,
  result: saved.result,
  outputs: saved.outputs as TaskState['outputs'],
  seq: saved.seq as number,
  queuedSeq: saved.queuedSeq as number,
});

/** To be counted up when the meaning of a line changes, as opposed to the members of a state. */
const VERSION = 1;
// The names of a state's members stand in the format: a front whose states are different passes it over.
export const FORMAT = `${VERSION}: ${Object.keys(stateOf({})).join(' ')}`;

/** One line a task, and one that begins with `recent` for each count. */
export function* linesOf({ open, recent }: Checkpoint): Generator<string> {
  for (const count of recent) yield RECENT + JSON.stringify(count);
  for (const state of open) yield JSON.stringify(state);
}

const RECENT = 'recent ';

/** Undefined for a format that is not this program's. Throws on a line that cannot be read. */
export function fromLines({ seq, format, lines }: SavedCheckpoint): Checkpoint | undefined {
  if (format !== FORMAT) return undefined;
  const open: TaskState[] = [];
  const recent: RecentCount[] = [];
  for (const line of lines) {
    if (line.startsWith(RECENT)) recent.push(JSON.parse(line.slice(RECENT.length)) as RecentCount);
    else open.push(stateOf(JSON.parse(line) as TaskState));
  }
  return { seq, open, recent };
}
