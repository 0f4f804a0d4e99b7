import type { Queued, TaskEvent } from '../../actors/event.ts';
import { replayTask, type TaskActor, tell } from '../../actors/task.ts';
import type { StoredEvent } from '../log/envelope.ts';
import { timeOf } from '../log/key.ts';
import { subjectOf } from '../log/subject.ts';

/** What an event turned out to be. `late`: after the end. `stale`: of an attempt that was over. Both are legal. */
export type Standing = 'counted' | 'late' | 'stale';

/** One way in which an event breaks the rules. */
export interface Problem {
  readonly kind: 'place' | 'beginning' | 'end' | 'attempt' | 'order' | 'time' | 'account' | 'chain';
  readonly description: string;
}

export interface JudgedEvent {
  readonly stored: StoredEvent;
  readonly version: number;
  readonly subject: string;
  readonly storedAtMs: number;
}

/** Clocks of hosts may differ by so much from the log's. */
const CLOCKS_MS = 60_000;

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
  #queued: Queued | undefined;
  /** Begins with the task's second event, so that a long queue of tasks costs little. */
  #actor: TaskActor | undefined;
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
    this.#queued = undefined;
    this.#actor = undefined;
    this.#attempts = 0;
  }

  hear(judged: JudgedEvent): { readonly standing: Standing; readonly problems: readonly Problem[] } {
    const { stored } = judged;
    const { event } = stored;
    const problems = [
      ...placeProblems(judged),
      ...this.#beginningProblems(stored),
      ...this.#chainProblems(judged),
      ...this.#timeProblems(judged),
      ...this.#attemptProblems(event),
    ];
    const isEnd = event.type === 'completed' || event.type === 'failed' || event.type === 'canceled';
    if (isEnd && this.#hasEnded) problems.push({ kind: 'end', description: 'is a second end of its task' });
    const standing = this.#stand(event);
    if (standing === undefined)
      problems.push({ kind: 'order', description: 'is not accepted in the state that the task is in' });
    this.#hasEnded ||= isEnd;
    if (this.#hasEnded) this.#actor = undefined;
    const { seq, hash } = stored;
    this.#known.push({ seq, type: event.type, at: event.at, hash, isNamed: false });
    return { standing: standing ?? 'stale', problems };
  }

  #beginningProblems({ key, name, event }: StoredEvent): Problem[] {
    if (event.type !== 'queued') {
      if (this.#queued && event.account !== this.#queued.account)
        return [
          {
            kind: 'account',
            description: `is of the account ${JSON.stringify(event.account)}, its task is not`,
          },
        ];
      if (this.#queued || this.#isCut) return [];
      // Told once.
      this.#isCut = true;
      return [{ kind: 'beginning', description: 'comes before any queued event of its task' }];
    }
    if (this.#queued || this.#known.length > 0)
      return [{ kind: 'beginning', description: 'is a second beginning of its task' }];
    this.#queued = event;
    if (event.task.task_name !== name)
      return [
        {
          kind: 'place',
          description: `is of ${JSON.stringify(event.task.task_name)}, but lies with ${name}`,
        },
      ];
    if (Math.abs(timeOf(key) - Date.parse(event.at)) > CLOCKS_MS)
      return [{ kind: 'time', description: 'has another date than the key of its task' }];
    return [];
  }

  #chainProblems({ stored: { prev, seq, event }, version }: JudgedEvent): Problem[] {
    if (prev === undefined) {
      const mayLackIt = version < 2 || event.type === 'queued';
      return mayLackIt ? [] : [{ kind: 'chain', description: 'names no event before it' }];
    }
    if (event.type === 'queued')
      return [{ kind: 'chain', description: 'names an event before it, though it is the first of its task' }];
    const named = this.#known.findLast(({ hash }) => hash === prev);
    if (named) named.isNamed = true;
    if (named && event.at < named.at)
      return [{ kind: 'time', description: `is dated before event ${named.seq}, which it follows` }];
    if (named || this.#isCut) return [];
    const suspect = this.#known.findLast(({ isNamed }) => !isNamed);
    const guess = suspect
      ? `event ${suspect.seq} (${suspect.type}) has been changed, or one between ${suspect.seq} and ${seq} is missing`
      : `one before ${seq} is missing`;
    return [{ kind: 'chain', description: `names an event before it that the log does not have: ${guess}` }];
  }

  #timeProblems({ stored: { event }, storedAtMs }: JudgedEvent): Problem[] {
    if (Date.parse(event.at) > storedAtMs + CLOCKS_MS)
      return [{ kind: 'time', description: 'is dated after it was stored' }];
    // The date of an event is lifted to that of the one before it, which another host may have given; `next` is not.
    if (event.type === 'retried' && Date.parse(event.next) < Date.parse(event.at) - CLOCKS_MS)
      return [{ kind: 'time', description: 'names a time for the next attempt that had passed' }];
    return [];
  }

  #attemptProblems(event: TaskEvent): Problem[] {
    if (event.type === 'queued') return [];
    const { attempt } = event;
    const before = this.#attempts;
    if (event.type === 'started') this.#attempts = Math.max(before, attempt);
    if (this.#isCut && before === 0) {
      this.#attempts = Math.max(this.#attempts, attempt);
      return [];
    }
    if (event.type === 'started')
      return attempt === before + 1
        ? []
        : [{ kind: 'attempt', description: `starts attempt ${attempt} after ${before} of them` }];
    const least = event.type === 'failed' || event.type === 'canceled' ? 0 : 1;
    return attempt >= least && attempt <= before
      ? []
      : [{ kind: 'attempt', description: `is of attempt ${attempt}, which had not started` }];
  }

  /** Undefined for what neither the machine accepts nor a worker that lost its lease may say. */
  #stand(event: TaskEvent): Standing | undefined {
    if (this.#hasEnded) return 'late';
    if (event.type === 'queued' || !this.#queued) return 'counted';
    this.#actor ??= replayTask([this.#queued]);
    const before = this.#actor.getSnapshot();
    tell(this.#actor, event);
    if (this.#actor.getSnapshot() !== before) return 'counted';
    const isOfAnAttempt = event.type === 'progress' || event.type === 'retried';
    return isOfAnAttempt && event.attempt <= before.context.attempt ? 'stale' : undefined;
  }
}

function placeProblems({ stored: { key, name, event }, subject }: JudgedEvent): Problem[] {
  return subjectOf(name, key, event) === subject
    ? []
    : [{ kind: 'place', description: `lies at '${subject}', where no such event belongs` }];
}
