import { createHash } from 'node:crypto';
import { decodeEvent, type StoredEvent, UnreadableEvent } from '../log/envelope.ts';
import { CLOCKS_MS } from '../log/event-date.ts';
import { timeOf } from '../log/key.ts';
import type { EventLog } from '../log/log.ts';
import type { LogRecord } from '../log/reading.ts';
import { isEventSubject } from '../log/subject.ts';
import { Recent } from '../recent.ts';
import { SeenKeys } from './seen-keys.ts';
import { type Breach, type JudgedEvent, TaskJudge } from './task-judge.ts';

/** One thing that is illegal, with its place. */
export interface Illegal {
  readonly seq: number;
  /** Undefined where it cannot be told. */
  readonly key: string | undefined;
  readonly kind: Breach['kind'] | 'unreadable' | 'gap' | 'output';
  readonly description: string;
}

export interface Summary {
  readonly events: number;
  readonly tasks: number;
  /** Tasks that had not ended when the reading did. */
  readonly open: number;
  readonly illegal: number;
  /** Events that came after the end of their task, which is legal. */
  readonly late: number;
  /** Events of an attempt that was over when they came, which is legal too. */
  readonly stale: number;
  /** SHA-256 of all that was read: the subjects and the bytes, in order. */
  readonly digest: string;
}

export interface VerifierParts {
  readonly log: EventLog;
  readonly signal: AbortSignal;
  /** False where what stands before the first record is known: nothing. */
  readonly beginsLate: boolean;
  /** Whether the events of an account are to be judged. */
  isWanted(event: StoredEvent): boolean;
  tell(illegal: Illegal): void;
  /** Ended tasks that are remembered for what may still come late. */
  readonly maxEnded?: number;
  /** An end that is legal and may have outputs. */
  ended?(stored: StoredEvent): Promise<void> | undefined;
}

const MAX_ENDED = 50_000;

/**
 * Judges a log record by record. Memory holds the open tasks, the last of the ended ones, and of all tasks that they
 * were there; an event of a task that is neither open nor remembered is judged by all of its task's events, read again
 * from the log, which takes some 50 ms and is rare: it came more than 50,000 ends after its own task's.
 */
export class Verifier {
  readonly #parts: VerifierParts;
  readonly #open = new Map<string, TaskJudge>();
  readonly #ended: Recent<TaskJudge>;
  readonly #begun = new SeenKeys();
  readonly #digest = createHash('sha256');
  /** The first record that was read. */
  #first: LogRecord | undefined;
  /** The log may have let go of the beginnings of tasks that are not younger than this. */
  #lostBeforeMs = Number.NEGATIVE_INFINITY;
  #isAfterLoss: boolean;
  #events = 0;
  #tasks = 0;
  #illegal = 0;
  #late = 0;
  #stale = 0;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
    this.#isAfterLoss = parts.beginsLate;
    this.#ended = new Recent(parts.maxEnded ?? MAX_ENDED, Number.POSITIVE_INFINITY);
  }

  /** Undefined for almost all records: there is nothing to wait for. */
  judge(record: LogRecord): Promise<void> | undefined {
    this.#first ??= record;
    if (this.#isAfterLoss) this.#lostBeforeMs = record.storedAtMs + CLOCKS_MS;
    this.#isAfterLoss = false;
    this.#digest.update(`${record.subject} ${record.bytes.length}\n`).update(record.bytes);
    if (!isEventSubject(record.subject)) return undefined;
    const judged = this.#decode(record);
    if (!judged || !this.#parts.isWanted(judged.stored)) return undefined;
    this.#events++;
    const judge = this.#judgeOf(judged.stored);
    return judge instanceof TaskJudge
      ? this.#hear(judge, judged)
      : judge.then((readAgain) => this.#hear(readAgain, judged));
  }

  #hear(judge: TaskJudge, judged: JudgedEvent): Promise<void> | undefined {
    const { stored } = judged;
    const hadEnded = judge.hasEnded;
    const { standing, breaches } = judge.hear(judged);
    if (standing === 'late') this.#late++;
    else if (standing === 'stale' && breaches.length === 0) this.#stale++;
    for (const breach of breaches) this.tell({ seq: stored.seq, key: stored.key, ...breach });
    this.#keep(stored.key, judge);
    return judge.hasEnded && !hadEnded ? this.#parts.ended?.(stored) : undefined;
  }

  /** The log lacks these sequences. What retention let go of while it was read is no fault of the log. */
  gap(from: number, to: number, isRetention: boolean): void {
    for (const judge of this.#open.values()) judge.cut();
    this.#isAfterLoss = true;
    if (isRetention) return;
    const events = from === to ? `event ${from} is` : `events ${from} to ${to} are`;
    this.tell({ seq: from, key: undefined, kind: 'gap', description: `${events} missing from the log` });
  }

  tell(illegal: Illegal): void {
    this.#illegal++;
    this.#parts.tell(illegal);
  }

  summary(): Summary {
    return {
      events: this.#events,
      tasks: this.#tasks,
      open: this.#open.size,
      illegal: this.#illegal,
      late: this.#late,
      stale: this.#stale,
      digest: this.#digest.copy().digest('hex'),
    };
  }

  #decode(record: LogRecord): JudgedEvent | undefined {
    try {
      return decode(record);
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      this.#events++;
      this.tell({ seq: record.seq, key: undefined, kind: 'unreadable', description: error.message });
      return undefined;
    }
  }

  #judgeOf(stored: StoredEvent): TaskJudge | Promise<TaskJudge> {
    const { key, event } = stored;
    const known = this.#open.get(key) ?? this.#ended.get(key);
    if (known) return known;
    const isNew = this.#begun.add(key);
    if (!isNew || event.type !== 'queued') return this.#readAgain(stored);
    this.#tasks++;
    return this.#newJudge(key);
  }

  #newJudge(key: string): TaskJudge {
    const isWhole = this.#lostBeforeMs === Number.NEGATIVE_INFINITY;
    return new TaskJudge(!isWhole && timeOf(key) <= this.#lostBeforeMs);
  }

  /** One that is not remembered, or was not met yet, with all that the log has of its task before. */
  async #readAgain({ key, seq }: StoredEvent): Promise<TaskJudge> {
    const past = await this.#past(key, seq);
    if (past.every(({ stored }) => stored.seq < (this.#first?.seq ?? 0))) this.#tasks++;
    const judge = this.#newJudge(key);
    for (const judged of past) judge.hear(judged);
    return judge;
  }

  /** What the log holds of a task before that sequence. */
  async #past(key: string, before: number): Promise<JudgedEvent[]> {
    const { log, signal } = this.#parts;
    const found: JudgedEvent[] = [];
    for await (const { entries } of log.readRecords({ after: 0, through: before - 1, keys: [key], signal }))
      for (const entry of entries) if (!('gap' in entry)) found.push(...readable(entry));
    return found;
  }

  #keep(key: string, judge: TaskJudge): void {
    if (judge.hasEnded) {
      this.#open.delete(key);
      this.#ended.set(key, judge, 1);
    } else this.#open.set(key, judge);
  }
}

const decode = ({ subject, bytes, seq, storedAtMs }: LogRecord): JudgedEvent => ({
  stored: decodeEvent(subject, bytes, seq),
  subject,
  storedAtMs,
});

/** What cannot be read has been told of where it was met. */
function readable(record: LogRecord): JudgedEvent[] {
  try {
    return [decode(record)];
  } catch (error) {
    if (error instanceof UnreadableEvent) return [];
    throw error;
  }
}
