import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { replayTask } from '../../actors/task.ts';
import { fold, type TaskState } from '../../src/projection/state.ts';
import { anyHistory, completed, KEY, queued, started } from '../actors/events.ts';

const foldAll = (events: readonly TaskEvent[]): TaskState =>
  events.reduce<TaskState | undefined>(
    (state, event, index) => fold(state, { seq: index + 1, key: KEY, name: 'hello', event }),
    undefined,
  ) as TaskState;

describe('the projection of a history', () => {
  it('agrees with the task machine over any history, illegal events included', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const { value, context } = replayTask(history).getSnapshot();
        const { status, attempt, at, queued, started, completed, progress, result, outputs } =
          foldAll(history);
        expect(status).toBe(value);
        expect({ attempt, at, queued, started, completed, progress, result, outputs }).toEqual({
          attempt: context.attempt,
          at: context.at,
          queued: context.queued,
          started: context.started,
          completed: context.completed,
          progress: context.progress,
          result: context.result,
          outputs: context.outputs,
        });
      }),
      { numRuns: 2_000 },
    );
  });

  it('comes back as the same object when an event changes nothing', () => {
    const state = foldAll([queued(), started(1), completed(1)]);
    expect(fold(state, { seq: 9, key: KEY, name: 'hello', event: started(2) })).toBe(state);
  });

  it('knows nothing of a task whose beginning it has not seen', () => {
    expect(fold(undefined, { seq: 1, key: KEY, name: 'hello', event: started(1) })).toBeUndefined();
  });
});
