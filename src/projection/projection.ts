import type { TaskEvent } from '../../actors/event.ts';
import type { StoredEvent } from '../log/envelope.ts';
import { CLOCKS_MS } from '../log/event-date.ts';
import { timeOf } from '../log/key.ts';
import type { Following, LogReader, TaskHistories } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import { Recent } from '../recent.ts';
import { SlotMap } from '../slot-map.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { EndedTasks } from './ended-tasks.ts';
import { LateEvents } from './late-events.ts';
import { Reached } from './reached.ts';
import { fold, foldHistory, isEnded, type TaskState } from './state.ts';

/** Told of each change of a task, in log order, and of nothing after its end. */
export interface Watcher {
  changed(state: TaskState): void;
  /** What became of the task cannot be told any more: the log let go of it before it was read here. */
  lost(key: string): void;
}

export interface ProjectionOptions {
  readonly log: LogReader & TaskHistories;
  readonly logger: Logger;
  /** Where ended tasks are looked for that are not in memory any more, before the log is read. */
  readonly endedTasks?: EndedTasks;
  /** Ended tasks kept in memory. */
  readonly maxEnded?: number;
  readonly maxEndedBytes?: number;
  /** Called for each event that changed a task, after the change. */
  onChange?(state: TaskState, event: TaskEvent): void;
}

/** A record of the log, and whose event it is: nobody's, if it is none. */
export interface FoldedRecord {
  readonly seq: number;
  readonly key: string | undefined;
}

interface OpenTask {
  state: TaskState;
  watchers: Set<Watcher> | undefined;
}

/**
 * The fold of the whole log into what `status` shows: every open task, and the last of the ended ones.
 *
 * It follows the log from the first event, or from the last one of a checkpoint, so an answer given after
 * `reached(seq)` includes that event. Open tasks are as many as the log has room to end (see `LogRoom`), ended ones
 * as many as fit into their bounds: what is kept here does not grow with the log.
 */
export class Projection {
  readonly #log: LogReader & TaskHistories;
  readonly #logger: Logger;
  readonly #onChange: NonNullable<ProjectionOptions['onChange']>;
  /** In the order in which they were queued, since a task is put in once. */
  readonly #open = new SlotMap<string, OpenTask>();
  readonly #recentlyEnded: Recent<TaskState>;
  readonly #endedOnDisk: EndedTasks | undefined;
  readonly #reached = new Reached();
  readonly #late = new LateEvents();
  /** Every event of the tasks that were made after this, in milliseconds since 1970, has been folded. */
  #wholeSinceMs: number | undefined;
  #following: Following | undefined;
  #last: FoldedRecord | undefined;
  #unreadable = 0;
  #watchers = 0;
  #firstSeq = 0;
  #missedThrough = 0;

  constructor(options: ProjectionOptions) {
    const { log, logger, onChange, endedTasks, maxEnded = 10_000, maxEndedBytes = 64_000_000 } = options;
    this.#log = log;
    this.#logger = logger;
    this.#onChange = onChange ?? (() => {});
    this.#recentlyEnded = new Recent(maxEnded, maxEndedBytes);
    this.#endedOnDisk = endedTasks;
  }

  /** Takes over what a checkpoint holds, in place of folding the log up to there. To be called before `start`. */
  restore({ seq, open, late }: Checkpoint): void {
    this.#late.restore(late);
    // It has all open tasks: an event of any other one comes after its end.
    this.#wholeSinceMs = Number.NEGATIVE_INFINITY;
    for (const state of open) this.#open.set(state.key, { state, watchers: undefined });
    this.#reached.advance(seq);
  }

  /** Resolves when everything that was in the log at the call has been folded. */
  async start(): Promise<void> {
    this.#following = await this.#log.follow({
      after: this.#reached.seq,
      onEvent: (event) => this.#apply(event),
      onUnreadable: (error, seq) => this.#skip(error, seq),
      onPassed: (seq) => this.#pass(seq),
      onMissed: (seq) => this.#miss(seq),
    });
    const head = await this.#following.caughtUp;
    // The last events may have left the log, or be none of a task's.
    if (head > this.#reached.seq) this.#reached.advance(head);
  }

  async close(): Promise<void> {
    await this.#following?.close();
    this.#endedOnDisk?.close();
  }

  /** The sequence up to which the log has been folded. */
  get seq(): number {
    return this.#reached.seq;
  }

  /** The last record that has been folded; undefined before the first, and after one that cannot be read. */
  get last(): FoldedRecord | undefined {
    return this.#last;
  }

  get openTasks(): number {
    return this.#open.size;
  }

  /** The open tasks, the oldest first. */
  *open(): Generator<TaskState> {
    for (const { state } of this.#open.values()) yield state;
  }

  get oldestOpen(): TaskState | undefined {
    return this.open().next().value ?? undefined;
  }

  get unreadableEvents(): number {
    return this.#unreadable;
  }

  /** Watchers of all tasks together. */
  get watchers(): number {
    return this.#watchers;
  }

  /** True for an event that came after its task's end: one of the last 100,000 of these. It must have been folded. */
  isLate(seq: number): boolean {
    return this.#late.has(seq);
  }

  /** Sequences of the task's late events, those of the last 100,000 late ones of all tasks, in order. */
  lateEventsOf(key: string): number[] {
    return this.#late.of(key);
  }

  /** Whether these are all that there are in what has been folded, of a task that ended there. */
  knowsLateEventsOf(key: string, end: number): boolean {
    return this.#late.knowsAll(timeOf(key), end);
  }

  /** What a checkpoint holds of this. */
  checkpoint(): Pick<Checkpoint, 'seq' | 'open' | 'late'> {
    return { seq: this.#reached.seq, open: [...this.open()], late: this.#late.record() };
  }

  /** Resolves when the event with this sequence has been folded. */
  reached(seq: number): Promise<void> {
    return this.#reached.until(seq);
  }

  /**
   * Resolves when the projection has come as far as these states, so that their tasks can be watched. A create's own
   * states are ahead of it while it catches up with a nats-server that was just started again.
   */
  reachedAll(states: readonly TaskState[]): Promise<void> {
    return this.reached(Math.max(0, ...states.map(({ seq }) => seq)));
  }

  /** The task's state as far as it is in memory. */
  peek(key: string): TaskState | undefined {
    return this.#open.get(key)?.state ?? this.#recentlyEnded.get(key);
  }

  /** The task's state, from the log if need be; undefined for a task that is not in it. Rejects with `LogUnavailable`. */
  async read(key: string): Promise<TaskState | undefined> {
    const known = this.peek(key);
    if (known) return known;
    const ended = await this.#endedOnDisk?.get(key);
    // What the log has let go of is not to be found elsewhere either.
    if (ended && ended.queuedSeq >= this.#firstSeq) return ended;
    const history = await this.#log.history(key);
    const state = foldHistory(history);
    if (!state) return undefined;
    if (isEnded(state) && state.seq <= this.#reached.seq) {
      const bytes = history.reduce((sum, event) => sum + event.bytes.length, 0);
      this.#remember(state, bytes);
      return state;
    }
    // What is not in memory although it is open, or ahead of the fold, was created a moment ago through another front. Who
    // were shown it now would see it go back: the fold has yet to come to its beginning.
    await this.reached(state.seq);
    return this.peek(key) ?? state;
  }

  /** False if the task is not open: nothing will change any more. */
  watch(key: string, watcher: Watcher): boolean {
    const task = this.#open.get(key);
    if (!task) return false;
    task.watchers ??= new Set();
    this.#watchers += Number(!task.watchers.has(watcher));
    task.watchers.add(watcher);
    return true;
  }

  unwatch(key: string, watcher: Watcher): void {
    if (this.#open.get(key)?.watchers?.delete(watcher)) this.#watchers--;
  }

  /**
   * Ends the open tasks whose first event has left the log: it let go of them, and what came of them can not be read
   * any more. Whoever waits for one is told so. Not before the log has been folded to where it ended when it began
   * there: what it lets go of for want of room has ended, which may still have to come here. Where the end may have been
   * among what was missed, nothing is said of the task, as of any that the log does not have.
   */
  forgetBefore(firstSeq: number, lastSeq: number): void {
    this.#firstSeq = firstSeq;
    if (this.#reached.seq < lastSeq) return;
    for (const [key, task] of this.#open) {
      if (task.state.queuedSeq >= firstSeq) return;
      const { at } = task.state;
      const state: TaskState = { ...task.state, status: 'error', completed: at, result: LET_GO };
      if (this.#missedThrough > task.state.seq) this.#lose(key, task);
      else {
        this.#logger.error({ key, queuedSeq: state.queuedSeq, firstSeq }, LET_GO);
        this.#keep(key, task, state, 0);
      }
      const { account, attempt } = state;
      this.#onChange(state, { type: 'failed', at, account, attempt, error: LET_GO });
    }
  }

  #apply(stored: StoredEvent): void {
    const { key, seq, event } = stored;
    if (this.#wholeSinceMs === undefined) this.#begin(stored);
    const task = this.#open.get(key);
    // A key is queued once, so nobody has to look for it among those that have ended.
    const before = task?.state ?? (event.type === 'queued' ? undefined : this.#recentlyEnded.get(key));
    const after = fold(before, stored);
    if (after && after !== before) {
      this.#keep(key, task, after, stored.bytes.length);
      this.#onChange(after, event);
    } else if (before ? isEnded(before) : this.#hasEnded(key)) this.#late.add(seq, key);
    this.#last = { seq, key };
    this.#reached.advance(seq);
  }

  /** The first event that is folded. The log may have had older ones, of tasks that were made before it. */
  #begin({ seq, event }: StoredEvent): void {
    this.#wholeSinceMs = seq === 1 ? Number.NEGATIVE_INFINITY : Date.parse(event.at) + CLOCKS_MS;
    this.#late.begin(this.#wholeSinceMs);
  }

  /**
   * Whether a task that is not in memory has ended. If it was made after the first event that was folded, it has, or it would
   * be open; of an older one that is not known.
   */
  #hasEnded(key: string): boolean {
    return timeOf(key) > (this.#wholeSinceMs ?? Number.POSITIVE_INFINITY);
  }

  #keep(key: string, task: OpenTask | undefined, state: TaskState, bytes: number): void {
    if (isEnded(state)) {
      this.#letGo(key, task);
      this.#remember(state, bytes + 300);
    } else if (task) task.state = state;
    else this.#open.set(key, { state, watchers: undefined });
    if (task?.watchers) for (const watcher of task.watchers) watcher.changed(state);
  }

  #remember(state: TaskState, bytes: number): void {
    this.#recentlyEnded.set(state.key, state, bytes);
    this.#endedOnDisk?.put(state);
  }

  #letGo(key: string, task: OpenTask | undefined): void {
    this.#open.delete(key);
    this.#watchers -= task?.watchers?.size ?? 0;
  }

  #lose(key: string, task: OpenTask): void {
    this.#letGo(key, task);
    const { state, watchers } = task;
    this.#logger.warn(
      { key, seq: state.seq },
      'the log let go of events of this task before they were read here',
    );
    for (const watcher of watchers ?? []) watcher.lost(key);
  }

  /** Up to there events were not folded, of whichever tasks. */
  #miss(seq: number): void {
    this.#missedThrough = Math.max(this.#missedThrough, seq);
    this.#late.miss(seq);
  }

  #pass(seq: number): void {
    this.#last = { seq, key: undefined };
    this.#reached.advance(seq);
  }

  #skip(error: Error, seq: number): void {
    this.#unreadable++;
    this.#last = undefined;
    this.#miss(seq);
    this.#logger.error({ err: error, seq }, 'skipped an event that cannot be read');
    this.#reached.advance(seq);
  }
}

const LET_GO = 'the log has let go of this task before it ended';
