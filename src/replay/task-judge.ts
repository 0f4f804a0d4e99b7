import { isEnd, type TaskEvent } from '../../actors/event.ts';
import { hashOf, type StoredEvent } from '../log/envelope.ts';
import { CLOCKS_MS, formatDate } from '../log/event-date.ts';
import { timeOf } from '../log/key.ts';
import { subjectOf } from '../log/subject.ts';
import { TaskWalk } from './task-walk.ts';

/** What an event turned out to be. `late`: after the end. `stale`: of an attempt that was over. Both are legal. */
export type Standing = 'counted' | 'late' | 'stale';

/** One way in which an event breaks the rules. */
export interface Breach {
  readonly kind: 'place' | 'beginning' | 'end' | 'attempt' | 'order' | 'time' | 'account' | 'chain';
  readonly description: string;
}

export interface JudgedEvent {
  readonly stored: StoredEvent;
  readonly subject: string;
  readonly storedAtMs: number;
}

type Note = (kind: Breach['kind'], description: string) => void;

interface Known {
  readonly seq: number;
  readonly type: TaskEvent['type'];
  readonly at: string;
  readonly hash: string;
  /** By an event that came later, as the one before it. */
  isNamed: boolean;
}

/**
 * Walks one task's events through the task machine, in log order, and says what is illegal about each.
 *
 * The machine ignores what its state does not accept. Of that, two things are legal: what came after the end, and
 * what a worker that had lost its lease still said of an attempt that was over.
 */
export class TaskJudge {
  /** Its beginning has left the log: then nothing can be said of what the log should hold. */
  #isCut: boolean;
  /** Of the `queued` event; undefined as long as that has not come. */
  #account: string | undefined;
  /** From the `queued` event to the end. */
  #walk: TaskWalk | undefined;
  #attempts = 0;
  #hasEnded = false;
  /** All events so far: few, so that a million tasks with a list each cost little. */
  readonly #known: Known[] = [];

  constructor(isCut: boolean) {
    this.#isCut = isCut;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The log has lost events that may have been this task's: where the task stands is not known any more. */
  cut(): void {
    this.#isCut = true;
    this.#walk = undefined;
    this.#attempts = 0;
  }

  hear(judged: JudgedEvent): { readonly standing: Standing; readonly breaches: readonly Breach[] } {
    const { stored } = judged;
    const { event } = stored;
    const breaches: Breach[] = [];
    const note: Note = (kind, description) => void breaches.push({ kind, description });
    checkPlace(judged, note);
    this.#checkBeginning(stored, note);
    this.#checkChain(judged, note);
    this.#checkTime(judged, note);
    this.#checkAttempt(event, note);
    const endsTask = isEnd(event.type);
    if (endsTask && this.#hasEnded) note('end', 'is a second end of its task');
    const standing = this.#stand(event);
    if (standing === undefined) note('order', 'is not accepted in the state that the task is in');
    this.#hasEnded ||= endsTask;
    if (this.#hasEnded) this.#walk = undefined;
    const hash = hashOf(stored.bytes);
    this.#known.push({ seq: stored.seq, type: event.type, at: event.at, hash, isNamed: false });
    return { standing: standing ?? 'stale', breaches };
  }

  #checkBeginning({ key, name, event }: StoredEvent, note: Note): void {
    if (event.type !== 'queued') {
      if (this.#account !== undefined) {
        if (event.account !== this.#account)
          note('account', `is of the account ${JSON.stringify(event.account)}, its task is not`);
        return;
      }
      if (this.#isCut) return;
      // Told once.
      this.#isCut = true;
      return note('beginning', 'comes before any queued event of its task');
    }
    if (this.#known.length > 0) return note('beginning', 'is a second beginning of its task');
    this.#account = event.account;
    this.#walk = new TaskWalk();
    if (event.task.task_name !== name)
      return note('place', `is of ${JSON.stringify(event.task.task_name)}, but lies with ${name}`);
    if (Math.abs(timeOf(key) - Date.parse(event.at)) > CLOCKS_MS)
      note('time', 'has another date than the key of its task');
  }

  #checkChain({ stored: { prev, seq, version, event } }: JudgedEvent, note: Note): void {
    if (prev === undefined) {
      const mayLackIt = version < 2 || event.type === 'queued';
      if (!mayLackIt) note('chain', 'names no event before it');
      return;
    }
    if (event.type === 'queued')
      return note('chain', 'names an event before it, though it is the first of its task');
    const named = this.#known.findLast(({ hash }) => hash === prev);
    if (named) named.isNamed = true;
    if (named && event.at < named.at)
      return note('time', `is dated before event ${named.seq}, which it follows`);
    if (named || this.#isCut) return;
    const suspect = this.#known.findLast(({ isNamed }) => !isNamed);
    const guess = suspect
      ? `event ${suspect.seq} (${suspect.type}) has been changed, or one between ${suspect.seq} and ${seq} is missing`
      : `one before ${seq} is missing`;
    note('chain', `names an event before it that the log does not have: ${guess}`);
  }

  #checkTime({ stored: { event }, storedAtMs }: JudgedEvent, note: Note): void {
    // The date of an event is lifted to that of the one before it, which another host may have given, or this one before
    // its clock was set back; `next` is not. Dates sort as text, which is cheaper than to read them.
    const isLifted = this.#known.some(({ at }) => at === event.at);
    if (!isLifted && event.at > formatDate((storedAtMs + CLOCKS_MS) * 1_000))
      return note('time', 'is dated after it was stored');
    if (event.type === 'retried' && Date.parse(event.next) < Date.parse(event.at) - CLOCKS_MS)
      note('time', 'names a time for the next attempt that had passed');
  }

  #checkAttempt(event: TaskEvent, note: Note): void {
    if (event.type === 'queued') return;
    const { attempt } = event;
    const before = this.#attempts;
    if (event.type === 'started') this.#attempts = Math.max(before, attempt);
    if (this.#isCut && before === 0) {
      this.#attempts = Math.max(this.#attempts, attempt);
      return;
    }
    if (event.type === 'started') {
      if (attempt !== before + 1) note('attempt', `starts attempt ${attempt} after ${before} of them`);
      return;
    }
    const least = event.type === 'failed' || event.type === 'canceled' ? 0 : 1;
    if (attempt < least || attempt > before)
      note('attempt', `is of attempt ${attempt}, which had not started`);
  }

  /** Undefined for what neither the machine accepts nor a worker that lost its lease may say. */
  #stand(event: TaskEvent): Standing | undefined {
    if (this.#hasEnded) return 'late';
    if (event.type === 'queued' || !this.#walk) return 'counted';
    const { attempt } = this.#walk;
    if (this.#walk.hears(event)) return 'counted';
    const isOfAnAttempt = event.type === 'progress' || event.type === 'retried';
    return isOfAnAttempt && event.attempt <= attempt ? 'stale' : undefined;
  }
}

function checkPlace({ stored: { key, name, event }, subject }: JudgedEvent, note: Note): void {
  if (subjectOf(name, key, event) !== subject)
    note('place', `lies at '${subject}', where no such event belongs`);
}
