import type { Queued, TaskEvent } from '../../actors/event.ts';
import { givenUp } from '../../actors/retry.ts';
import { hashOf, type StoredEvent } from '../log/envelope.ts';
import { type Delivery, LEASE_MS } from '../log/task-queue.ts';
import { foldHistory } from '../projection/state.ts';
import { nextCompany } from './suspects.ts';

/** A task's history as far as its worker knows it: from `queued` to the event whose hash is `last`. */
export interface Past {
  readonly events: readonly [Queued, ...TaskEvent[]];
  readonly last: string;
}

/** What is to be done with a task that was handed out. */
export type Plan =
  | {
      readonly kind: 'try';
      /** The number of the attempt to come, from 1. */
      readonly attempt: number;
      /** Attempts that count against the limit, that one included. */
      readonly counted: number;
      /**
       * Set if it would be the last attempt and the one before died with its worker: how many of such tasks may be tried side
       * by side, itself included.
       */
      readonly company?: number | undefined;
      /** Why it is made, where the attempt before has not said so itself. */
      readonly reason?: string | undefined;
      readonly past: Past;
    }
  /** Its attempts are used up. */
  | {
      readonly kind: 'fail';
      readonly error: string;
      readonly attempt: number;
      readonly past: Past;
    }
  /** It waits for its next attempt, or is still at one. */
  | { readonly kind: 'wait'; readonly delayMs: number }
  /** It has ended. */
  | { readonly kind: 'over' };

/** When a task is handed out again whose events could not be seen yet. */
const UNHEARD_OF_AGAIN_MS = 1_000;
/** Earlier than this is early enough: clocks differ, and a timer is never exact. */
const EARLY_MS = 50;

/** A task that is handed out for the first time has no past to read. */
export const firstAttempt = ({ queued, hash }: Pick<Delivery, 'queued' | 'hash'>): Plan => ({
  kind: 'try',
  attempt: 1,
  counted: 1,
  past: { events: [queued], last: hash },
});

/**
 * Milliseconds for which a task has waited for the attempt that begins now: since it was queued, or since it could
 * be tried again; where a worker was lost, since that one had begun.
 */
export function waitedFor(events: readonly TaskEvent[], nowMs: number): number {
  const readyAt = events.reduce((ready, event) => {
    if (event.type === 'retried') return event.next;
    return event.type === 'queued' || event.type === 'started' ? event.at : ready;
  }, '');
  return Math.max(0, nowMs - Date.parse(readyAt));
}

/** The writer's clock may differ; if it is ahead of ours, the wait is skipped, not lengthened. */
const leftMs = (at: string, untilMs: number, nowMs: number): number =>
  Date.parse(at) > nowMs + EARLY_MS ? 0 : untilMs - nowMs;

type EventOf<Type extends TaskEvent['type']> = Extract<TaskEvent, { type: Type }>;

/** One attempt as the log tells of it. */
interface PastAttempt {
  readonly started: EventOf<'started'>;
  /** What it ended with; undefined where its worker was lost, or is at it still. */
  readonly retried: EventOf<'retried'> | undefined;
  /** How many suspects there may have been side by side, itself included. */
  readonly company: number;
}

function pastAttempts(events: readonly TaskEvent[]): PastAttempt[] {
  return events
    .filter((event) => event.type === 'started')
    .map((started) => {
      const own = events.filter((event) => 'attempt' in event && event.attempt === started.attempt);
      const companies = own.map((event) => ('company' in event && event.company) || 1);
      const retried = own.find((event) => event.type === 'retried');
      return { started, retried, company: Math.max(...companies) };
    });
}

/** Whether it is one of the `ATTEMPTS` of its task. */
const isCounted = ({ retried, company }: PastAttempt): boolean =>
  retried ? !retried.handed_back : company === 1;

/**
 * Reads the plan off the log, since deliveries say too little: a task is handed out again also when nobody
 * tried it. Attempts that a stopping worker handed back do not count against `attempts`, nor those whose worker was lost
 * while other suspects were beside them.
 */
export function planAttempt(history: readonly StoredEvent[], attempts: number, nowMs: number): Plan {
  const state = foldHistory(history);
  const newest = history.at(-1);
  // The task was handed out, so it is in the log; the replica that answered has not heard of it yet. To take that for
  // an end would acknowledge a task that nobody has run.
  if (!state || !newest) return { kind: 'wait', delayMs: UNHEARD_OF_AGAIN_MS };
  if (state.completed !== undefined) return { kind: 'over' };
  const events = history.map(({ event }) => event);
  const past: Past = { events: events as [Queued, ...TaskEvent[]], last: hashOf(newest.bytes) };
  const retried = events.flatMap((event) => (event.type === 'retried' ? [event] : []));
  const delayMs = Math.max(0, ...retried.map(({ at, next }) => leftMs(at, Date.parse(next), nowMs)));
  if (delayMs > EARLY_MS) return { kind: 'wait', delayMs };
  const made = pastAttempts(events);
  const counted = made.filter(isCounted).length;
  const last = made.at(-1);
  const lost = last && !last.retried ? last.started : undefined;
  // The lease cannot have run out yet: a nats-server that was killed has forgotten its newest deliveries, and whoever had
  // this one is at it still.
  const heldMs = lost ? leftMs(lost.at, Date.parse(lost.at) + LEASE_MS, nowMs) : 0;
  if (heldMs > EARLY_MS) return { kind: 'wait', delayMs: heldMs };
  if (counted < attempts) {
    const before = made.findLast(({ retried }) => !retried?.handed_back);
    const isSuspect = counted === attempts - 1 && before && !before.retried;
    const company = isSuspect ? nextCompany(before.company) : undefined;
    const reason = lost && `the worker '${lost.worker}' was lost in attempt ${lost.attempt}`;
    return { kind: 'try', attempt: state.attempt + 1, counted: counted + 1, company, reason, past };
  }
  const reason = last?.retried?.reason ?? 'the worker stopped while it ran the task';
  return { kind: 'fail', error: givenUp(reason, counted), attempt: state.attempt, past };
}
