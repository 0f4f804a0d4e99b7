import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import type { StoredEvent } from '../../src/log/envelope.ts';
import { planAttempt } from '../../src/worker/plan.ts';
import { completed, date, failed, KEY, progress, queued, retried, started } from '../actors/events.ts';

const NOW = Date.parse(date(100));
const plan = (...events: TaskEvent[]) =>
  planAttempt(
    events.map(
      (event, index): StoredEvent => ({
        seq: index + 1,
        key: KEY,
        name: 'hello',
        id: String(index),
        prev: undefined,
        version: 2,
        bytes: Buffer.from(`event ${index}`),
        event,
      }),
    ),
    3,
    NOW,
  );
const handedBack = (attempt: number): TaskEvent => ({ ...retried(attempt), handed_back: true }) as TaskEvent;

describe('a task that is handed out again', () => {
  it('is tried for the first time if nobody has tried it', () => {
    expect(plan(queued())).toMatchObject({ kind: 'try', attempt: 1, counted: 1 });
  });

  it('is tried again after its worker died', () => {
    expect(plan(queued(), started(1), progress(1, 5))).toMatchObject({
      kind: 'try',
      attempt: 2,
      counted: 2,
      reason: "the worker 'w1' was lost in attempt 1",
    });
    expect(plan(queued(), started(1), retried(1))).toMatchObject({ attempt: 2, reason: undefined });
  });

  it('is left to the attempt that began within the lease: whoever handed it out has forgotten who holds it', () => {
    const at = (second: number, attempt: number) => ({ ...started(attempt), at: date(second) }) as TaskEvent;
    expect(plan(queued(), at(97, 1))).toEqual({ kind: 'wait', delayMs: 7_000 });
    expect(plan(queued(), started(1), started(2), at(99, 3))).toEqual({ kind: 'wait', delayMs: 9_000 });
    expect(plan(queued(), at(90, 1))).toMatchObject({ kind: 'try', attempt: 2 });
    // The clock of whoever began it is ahead.
    expect(plan(queued(), at(105, 1))).toMatchObject({ kind: 'try', attempt: 2 });
    expect(plan(queued(), at(98, 1), retried(1))).toMatchObject({ kind: 'try', attempt: 2 });
  });

  it('is suspected on its last attempt, if the one before died with its worker', () => {
    expect(plan(queued(), started(1), started(2))).toMatchObject({
      kind: 'try',
      attempt: 3,
      counted: 3,
      company: 64,
    });
    expect(plan(queued(), started(1), retried(1), started(2), retried(2))).toMatchObject({
      attempt: 3,
      company: undefined,
    });
  });

  it('is suspected still after a worker that was stopped has handed it back', () => {
    expect(plan(queued(), started(1), started(2), started(3), handedBack(3))).toMatchObject({
      attempt: 4,
      counted: 3,
      company: 64,
    });
  });

  it('is not charged for workers that were lost while others were beside it, and has fewer of them each time', () => {
    const beside = (event: TaskEvent, company: number) => ({ ...event, company }) as TaskEvent;
    const once = [queued(), started(1), started(2), beside(started(3), 64)];
    expect(plan(...once)).toMatchObject({ attempt: 4, counted: 3, company: 16 });
    // It had begun alone.
    const twice = [...once, started(4), progress(4, 5), beside(progress(4, 6), 16)];
    expect(plan(...twice)).toMatchObject({ attempt: 5, counted: 3, company: 4 });
    const thrice = [...twice, beside(started(5), 4)];
    expect(plan(...thrice)).toMatchObject({ attempt: 6, counted: 3, company: 1 });
    expect(plan(...thrice, started(6))).toMatchObject({
      kind: 'fail',
      attempt: 6,
      error: 'the worker stopped while it ran the task; gave up after 3 attempts',
    });
  });

  it('is charged for an attempt that failed by itself, whoever was beside it', () => {
    const beside = { ...started(3), company: 64 } as TaskEvent;
    expect(plan(queued(), started(1), started(2), beside, retried(3))).toMatchObject({ kind: 'fail' });
  });

  it('ends once its attempts are used up, and the error says why', () => {
    expect(plan(queued(), started(1), started(2), started(3))).toMatchObject({
      kind: 'fail',
      attempt: 3,
      error: 'the worker stopped while it ran the task; gave up after 3 attempts',
    });
    expect(plan(queued(), started(1), started(2), started(3), retried(3))).toMatchObject({
      kind: 'fail',
      error: 'origin answered 503; gave up after 3 attempts',
    });
  });

  it('is not charged for attempts that a stopping worker handed back', () => {
    const history = [
      queued(),
      started(1),
      handedBack(1),
      started(2),
      handedBack(2),
      started(3),
      handedBack(3),
    ];
    expect(plan(...history)).toMatchObject({ kind: 'try', attempt: 4, counted: 1 });
  });

  it('waits for the time that its retry named', () => {
    expect(plan(queued(), started(1), retried(1, 99.5))).toEqual({ kind: 'wait', delayMs: 500 });
  });

  it('does not wait for the clock of a worker that is ahead of this one', () => {
    expect(plan(queued(), started(1), retried(1, 3_700))).toMatchObject({ kind: 'try', attempt: 2 });
  });

  it('is over when it has ended', () => {
    expect(plan(queued(), started(1), completed(1))).toEqual({ kind: 'over' });
    expect(plan(queued(), failed(0))).toEqual({ kind: 'over' });
  });

  it('is never over because nobody has heard of it: a replica of the log may be behind', () => {
    expect(plan()).toEqual({ kind: 'wait', delayMs: 1_000 });
  });
});
