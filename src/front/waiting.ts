import { LogUnavailable } from '../log/log.ts';
import type { Projection, Watcher } from '../projection/projection.ts';
import { isEnded, type TaskState } from '../projection/state.ts';
import type { Exchange } from './exchange.ts';
import { type Problem, tryLater } from './request-error.ts';

/** Tasks that a front watches for waiting calls and feeds in all, each as often as it is waited for: 160 bytes of memory each. */
const MOST_WATCHERS = 2_000_000;

/** Tasks of calls that have been let in and do not watch them yet. */
let expected = 0;

export const expectedWatchers = (): number => expected;

/**
 * Keeps room for so many more tasks to be waited for; `location` is where they stand in the request. Returns what gives it
 * back, which may be called more often: to be called when they are watched, or will not be. Throws a 503 `RequestError` if
 * there is no room.
 */
export function keepRoomToWait(
  { watchers }: Pick<Projection, 'watchers'>,
  tasks: number,
  location: Problem['location'],
): () => void {
  if (watchers + expected + tasks > MOST_WATCHERS) {
    const description = 'too many tasks are waited for, wait for fewer at a time or try again later';
    throw tryLater(location, 'tasks', description);
  }
  let kept = tasks;
  expected += kept;
  return () => {
    expected -= kept;
    kept = 0;
  };
}

/** For whom is waited. */
interface Waiter {
  /** If its client leaves, everything that was held for it is let go at once. Without one the wait goes on to the end. */
  readonly exchange?: Exchange | undefined;
  /** Called once all tasks that have not come so far are watched. */
  readonly onWatched?: (() => void) | undefined;
}

/** `untilEach`, for the ends of the tasks. */
export const untilEnded = (
  projection: Projection,
  states: readonly TaskState[],
  waiter?: Waiter,
): Promise<TaskState[]> => untilEach(isEnded, projection, states, waiter);

/**
 * Resolves with the states that were enough, in the order of `states`, when each task has come to one; an ended
 * task must be enough. If the client leaves first, the promise never settles. Rejects with `LogUnavailable` if a task that
 * is not in memory any more cannot be read.
 */
export async function untilEach(
  isEnough: (state: TaskState) => boolean,
  projection: Projection,
  states: readonly TaskState[],
  { exchange, onWatched }: Waiter = {},
): Promise<TaskState[]> {
  await projection.reachedAll(states);
  return new Promise((resolve, reject) => {
    const last = new Map(states.map((state) => [state.key, projection.peek(state.key) ?? state]));
    const open = new Set<string>();
    for (const [key, state] of last) if (!isEnough(state)) open.add(key);
    const finish = () => resolve(states.map(({ key }) => last.get(key) as TaskState));
    if (open.size === 0) return finish();
    const settle = (key: string, state: TaskState): void => {
      last.set(key, state);
      if (open.delete(key) && open.size === 0) finish();
    };
    const watcher: Watcher = {
      changed(state) {
        if (!isEnough(state)) return;
        projection.unwatch(state.key, watcher);
        settle(state.key, state);
      },
      lost(key) {
        fail(new LogUnavailable(`the log let go of the task '${key}' before this front had read it`));
      },
    };
    const letGo = (): void => {
      for (const key of open) projection.unwatch(key, watcher);
    };
    const fail = (error: unknown): void => {
      letGo();
      reject(error);
    };
    for (const key of [...open]) {
      if (projection.watch(key, watcher)) continue;
      // It has ended, and so many others have since that it is not in memory any more.
      const tell = (state: TaskState | undefined): void =>
        state && isEnough(state) ? settle(key, state) : watcher.lost(key);
      projection.read(key).then(tell, fail);
    }
    exchange?.onGone(letGo);
    onWatched?.();
  });
}
