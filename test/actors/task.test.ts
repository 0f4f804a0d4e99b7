import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import type { TaskEvent } from '../../actors/event.ts';
import { replayTask, startTask, taskMachine, tell } from '../../actors/task.ts';
import { fold, type TaskState } from '../../src/projection/state.ts';
import {
  anyHistory,
  canceled,
  completed,
  date,
  failed,
  progress,
  queued,
  retried,
  started,
  stored,
  storing,
} from './events.ts';

/** Given a history, when an event arrives, what is emitted and where the task then stands. */
const given = (...history: TaskEvent[]) => ({
  when(event: TaskEvent) {
    const emitted: TaskEvent[] = [];
    const actor = replayTask([queued(), ...history], (accepted) => emitted.push(accepted));
    tell(actor, event);
    const { value, context } = actor.getSnapshot();
    return { emitted, status: value, context };
  },
});

describe('a task', () => {
  it('begins with its queued event and emits it', () => {
    const emitted: TaskEvent[] = [];
    const actor = startTask(queued(), (event) => emitted.push(event));
    expect(emitted).toEqual([queued()]);
    expect(actor.getSnapshot().value).toBe('queued');
  });

  it('emits each event that it accepts, as it came', () => {
    const emitted: TaskEvent[] = [];
    const actor = startTask(queued(), (event) => emitted.push(event));
    const life = [started(1), progress(1, 50), retried(1), started(2), completed(2)];
    for (const event of life) tell(actor, event);
    expect(emitted).toEqual([queued(), ...life]);
    expect(actor.getSnapshot()).toMatchObject({ value: 'success', status: 'done' });
  });

  it('emits nothing while its history is replayed', () => {
    const emitted: TaskEvent[] = [];
    replayTask([queued(), started(1), completed(1)], (event) => emitted.push(event));
    expect(emitted).toEqual([]);
  });

  it('executes once an attempt has started', () => {
    expect(given().when(started(1))).toMatchObject({
      status: 'executing',
      context: { attempt: 1, started: date(1) },
    });
  });

  it('is queued again after a retry, without the start and the progress of the attempt that failed', () => {
    expect(given(started(1), progress(1, 30)).when(retried(1))).toMatchObject({
      status: 'queued',
      context: { attempt: 1, started: undefined, progress: undefined },
    });
  });

  it('starts anew when the worker of the attempt before died without a word', () => {
    expect(given(started(1), progress(1, 30)).when(started(2))).toMatchObject({
      status: 'executing',
      context: { attempt: 2, progress: undefined },
    });
  });

  it('shows what the current attempt has stored, and of its progress events the last counts', () => {
    const first = given(started(1)).when(storing(1, ['small']));
    expect(first.context).toMatchObject({ progress: undefined, outputs: [stored('small', 1)] });
    const second = given(started(1), storing(1, ['small'])).when(storing(1, ['small', 'large']));
    expect(second.context.outputs).toEqual([stored('small', 1), stored('large', 1)]);
  });

  it.each([
    ['is retried', retried(1)],
    ['is followed by another, its worker being dead', started(2)],
    ['fails', failed(1)],
    ['is canceled', canceled(1)],
    ['ends with other outputs', completed(1)],
  ])('shows nothing more of what an attempt has stored once that %s', (_, event) => {
    expect(given(started(1), storing(1, ['small'])).when(event).context.outputs).toEqual([]);
  });

  it.each([
    ['a start of an attempt that has started', [started(1)], started(1)],
    ['a start of an attempt that is over', [started(2)], started(1)],
    ['progress before any start', [], progress(1, 10)],
    ['progress of an attempt that is over', [started(1), started(2)], progress(1, 10)],
    ['a retry of an attempt that is over', [started(1), started(2)], retried(1)],
    ['a retry while it is queued', [started(1), retried(1)], retried(1)],
    ['a second queued event', [], queued()],
    ['a start after the end', [completed(1)], started(2)],
    ['a second end', [started(1), completed(1)], failed(2)],
    ['a cancellation after the end', [failed(0)], canceled(0)],
  ] as const)('ignores %s', (_, history, event) => {
    const { emitted, context } = given(...history).when(event);
    expect(emitted).toEqual([]);
    expect(context).toEqual(given(...history.slice(0, -1)).when(history.at(-1) ?? queued()).context);
  });

  it.each([
    ['while it is queued', []],
    ['while it executes', [started(1)]],
    ['while it waits for the next attempt', [started(1), retried(1)]],
  ])('takes the first end that the log stored, %s, from whatever attempt', (_, history) => {
    expect(given(...history).when(completed(1, 'x'))).toMatchObject({
      status: 'success',
      context: { result: 'x' },
    });
    expect(given(...history).when(failed(0, 'broken'))).toMatchObject({
      status: 'error',
      context: { result: 'broken' },
    });
    expect(given(...history).when(canceled(0))).toMatchObject({
      status: 'error',
      context: { result: 'canceled' },
    });
  });

  it('has dates that never run backwards, whatever the clocks said', () => {
    const { context } = given(started(1, 10)).when(completed(1, 'x', 5));
    expect(context).toMatchObject({ started: date(10), completed: date(10) });
  });

  it('emits exactly what it accepts and ends at most once, for any history', () => {
    fc.assert(
      fc.property(anyHistory, ([first, ...rest]) => {
        const emitted: TaskEvent[] = [];
        const actor = startTask(first, (event) => emitted.push(event));
        for (const event of rest) tell(actor, event);
        const ends = emitted.filter(({ type }) => ['completed', 'failed', 'canceled'].includes(type));
        expect(ends.length).toBeLessThanOrEqual(1);
        if (ends.length === 1) expect(emitted.at(-1)).toBe(ends[0]);
        // What was emitted is a legal history: replaying it leads to the same place.
        const again = replayTask(emitted as [typeof first, ...TaskEvent[]]);
        expect(again.getSnapshot().context).toEqual(actor.getSnapshot().context);
      }),
      { numRuns: 500 },
    );
  });
});

describe('every path through the task machine', () => {
  const events = [1, 2].flatMap((n) => [
    started(n),
    progress(n, n),
    retried(n),
    completed(n),
    failed(n),
    canceled(n),
  ]);
  const options = {
    events,
    input: queued(),
    serializeState: (snapshot: { value: unknown; context: { attempt: number; progress: unknown } }) =>
      JSON.stringify([snapshot.value, snapshot.context.attempt, snapshot.context.progress]),
  };

  it('is emitted event by event, is what the reducer makes of it, and ends only where nothing can follow', () => {
    const paths = getSimplePaths(taskMachine, options as never);
    expect(paths.length).toBeGreaterThan(30);
    const birth = queued();
    for (const { steps } of paths) {
      const walked = steps.map(({ event }) => event as unknown as TaskEvent).slice(1);
      const emitted: TaskEvent[] = [];
      const actor = startTask(birth, (event) => emitted.push(event));
      for (const event of walked) tell(actor, event);
      expect(emitted).toEqual([birth, ...walked]);
      const { value, context, status } = actor.getSnapshot();
      const folded = [birth, ...walked].reduce<TaskState | undefined>(
        (state, event) => fold(state, { key: 'K', name: 'hello', seq: 0, event }),
        undefined,
      );
      expect(folded).toMatchObject({ status: value, attempt: context.attempt, progress: context.progress });
      expect(status === 'done').toBe(!events.some((event) => actor.getSnapshot().can(event)));
    }
  });

  it('reaches each status', () => {
    const reached = new Set(
      getShortestPaths(taskMachine, options as never).map(({ state }) => String(state.value)),
    );
    expect([...reached].sort()).toEqual(['error', 'executing', 'queued', 'success']);
  });
});
