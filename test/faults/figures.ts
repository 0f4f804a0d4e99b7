import type { RawRecord } from '../support/raw-log.ts';
import { eventsIn } from './evidence.ts';
import type { Observation } from './observations.ts';

/** What a run amounted to. */
export interface Figures {
  readonly calls: number;
  /** How often each HTTP status was answered; 0 counts the calls without an answer. */
  readonly answers: Readonly<Record<number, number>>;
  readonly tasks: number;
  readonly events: number;
  /** Attempts beyond a task's first. */
  readonly retries: number;
  /** Events that came after the end of their task. */
  readonly late: number;
  readonly feedsCut: number;
  /** Milliseconds for which the log heard nothing although a task was open. */
  readonly longestSilenceMs: number;
  /** Milliseconds between two creates that were answered 200. */
  readonly longestWithoutCreateMs: number;
}

export function figuresOf(records: readonly RawRecord[], seen: readonly Observation[]): Figures {
  const answers: Record<number, number> = {};
  for (const { answer } of seen) answers[answer?.status ?? 0] = (answers[answer?.status ?? 0] ?? 0) + 1;
  const open = new Set<string>();
  const ended = new Set<string>();
  const count = { tasks: 0, retries: 0, late: 0 };
  let silence = 0;
  let heardAt = 0;
  for (const record of records) {
    // By nats-server's clock, which no fault moves.
    if (open.size > 0) silence = Math.max(silence, record.storedAt - heardAt);
    heardAt = record.storedAt;
    for (const { key, event } of eventsIn([record])) {
      if (ended.has(key)) count.late++;
      if (event.type === 'queued') {
        count.tasks++;
        open.add(key);
      } else if (event.type === 'started') count.retries += event.attempt > 1 ? 1 : 0;
      else if (event.type !== 'progress' && event.type !== 'retried') {
        open.delete(key);
        ended.add(key);
      }
    }
  }
  return {
    calls: seen.length,
    answers,
    events: records.length,
    ...count,
    feedsCut: seen.filter((call) => call.kind === 'feed' && call.closed === 'cut').length,
    longestSilenceMs: silence,
    longestWithoutCreateMs: longestGap(
      seen.flatMap(({ kind, answer }) => (kind === 'create' && answer?.status === 200 ? [answer.at] : [])),
    ),
  };
}

function longestGap(instants: number[]): number {
  const sorted = instants.sort((a, b) => a - b);
  return Math.max(0, ...sorted.slice(1).map((at, index) => at - (sorted[index] as number)));
}
