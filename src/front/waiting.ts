import type { Projection, Watcher } from '../projection/projection.ts';
import { isEnded, type TaskState } from '../projection/state.ts';
import type { Exchange } from './exchange.ts';

/** `untilEach`, for the ends of the tasks. */
export const untilEnded = (
  projection: Projection,
  states: readonly TaskState[],
  exchange?: Exchange,
): Promise<TaskState[]> => untilEach(isEnded, projection, states, exchange);

/**
 * Resolves with the states that were enough, in the order of `states`, when each task has come to one; an ended
 * task must be enough. If the client leaves first, everything that was held for it is let go at once and the
 * promise never settles. Without an exchange the wait goes on to the end.
 */
export async function untilEach(
  isEnough: (state: TaskState) => boolean,
  projection: Projection,
  states: readonly TaskState[],
  exchange?: Exchange,
): Promise<TaskState[]> {
  await projection.reachedAll(states);
  return new Promise((resolve) => {
    const last = new Map(states.map((state) => [state.key, projection.peek(state.key) ?? state]));
    const open = new Set<string>();
    const finish = () => resolve(states.map(({ key }) => last.get(key) as TaskState));
    const watcher: Watcher = {
      changed(state) {
        if (!isEnough(state)) return;
        last.set(state.key, state);
        open.delete(state.key);
        projection.unwatch(state.key, watcher);
        if (open.size === 0) finish();
      },
    };
    for (const [key, state] of last) {
      if (!isEnough(state) && projection.watch(key, watcher)) open.add(key);
    }
    if (open.size === 0) return finish();
    exchange?.onGone(() => {
      for (const key of open) projection.unwatch(key, watcher);
    });
  });
}
