import Type, { type Static } from 'typebox';
import { formatDate } from '../log/event-date.ts';
import { LEASE_MS } from '../log/task-queue.ts';
import { isEnded } from '../projection/state.ts';
import type { KnownTask } from './past.ts';
import type { TaskQueues } from './task-queues.ts';
import type { WorkerPresence } from './worker-presence.ts';

/** A worker says every second that it is there; what has been silent for this long may well be gone. */
const SILENT_MS = 3_000;

const WITHIN_LEASE = 'another one takes over when its lease has run out';
const IN_TURNS = 'tasks with one attempt left are tried few at a time';
const AFTER_LEASE = `another one takes over when it has room, or at its turn: ${IN_TURNS}`;

const description = Type.String();
const member = (text: string) => ({ description: text });

/** What a task waits for, in a word and in a sentence. */
export const WaitReason = Type.Union([
  Type.Object({
    for: Type.Literal('worker', member('No worker that is running knows the task')),
    since: Type.String(member('When one was heard of last, or when this front was started')),
    description,
  }),
  Type.Object({
    for: Type.Literal('place', member('The workers that know the task have others to run')),
    ahead: Type.Integer({ minimum: 0, description: 'Tasks of the same name that were queued before it' }),
    description,
  }),
  Type.Object({
    for: Type.Literal('next_attempt', member('The attempt before has failed')),
    until: Type.String(member('When the next one may begin')),
    description,
  }),
  Type.Object({
    for: Type.Literal('lost_worker', member('Its worker has not been heard of')),
    worker: Type.String(),
    silent_seconds: Type.Number(),
    description,
  }),
]);
export type WaitReason = Static<typeof WaitReason>;

interface Parts {
  readonly workers: WorkerPresence;
  readonly queues: TaskQueues;
}

/** Why a task is not moving; undefined for one that has ended or runs. Presence is hearsay, so this is what it looks like. */
export function waitReason(
  { state, history }: KnownTask,
  { workers, queues }: Parts,
  nowMs: number,
): WaitReason | undefined {
  if (isEnded(state)) return undefined;
  const events = history.map(({ event }) => event);
  if (state.status === 'executing') {
    const started = events.findLast((event) => event.type === 'started');
    return started && lostWorker(started.worker, workers);
  }
  const retried = events.findLast((event) => event.type === 'retried');
  if (retried?.attempt === state.attempt && Date.parse(retried.next) > nowMs)
    return {
      for: 'next_attempt',
      until: retried.next,
      description: `attempt ${retried.attempt} failed, the next one may begin at ${retried.next}: ${retried.reason}`,
    };
  const reason = unclaimed(state.name, queues.ahead(state), workers);
  // One of those that are tried in turns may be queued, too: a stopping worker has handed it back.
  const hasLostWorker = events.some((event) => event.type === 'started' && event.reason !== undefined);
  if (reason.for !== 'place' || !hasLostWorker) return reason;
  const description = `${reason.description}; it may be waiting for its turn, since a worker of it was lost: ${IN_TURNS}`;
  return { ...reason, description };
}

function lostWorker(worker: string, workers: WorkerPresence): WaitReason | undefined {
  const silence = workers.silenceOf(worker);
  if (silence < SILENT_MS) return undefined;
  const silent_seconds = Math.round(silence / 100) / 10;
  return {
    for: 'lost_worker',
    worker,
    silent_seconds,
    description: `its worker '${worker}' has been silent for ${silent_seconds} s; ${silence < LEASE_MS ? WITHIN_LEASE : AFTER_LEASE}`,
  };
}

function unclaimed(name: string, ahead: number, workers: WorkerPresence): WaitReason {
  const knowing = workers.present().filter(({ tasks }) => tasks.includes(name));
  if (knowing.length === 0) {
    const since = formatDate(workers.lastKnown(name) * 1_000);
    return { for: 'worker', since, description: `no worker that is running knows '${name}', since ${since}` };
  }
  const isBusy = knowing.every(({ full }) => full.includes(name));
  const who = isBusy
    ? knowing.length === 1
      ? `the worker that knows '${name}' is busy`
      : `all ${knowing.length} workers that know '${name}' are busy`
    : `a worker that knows '${name}' has room`;
  const others = ahead === 1 ? 'one task is' : `${ahead || 'no'} tasks are`;
  return { for: 'place', ahead, description: `${who}, ${others} ahead of it` };
}
