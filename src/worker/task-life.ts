import type { TaskEvent } from '../../actors/event.ts';
import { replayTask, tell } from '../../actors/task.ts';
import type { TaskRef } from '../log/subject.ts';
import { fold, type TaskState } from '../projection/state.ts';
import type { Past } from './plan.ts';

/** A task as its worker has it: what decides whether an event may follow, before the log is asked. */
export interface TaskLife {
  /** The date of the newest event that was accepted. */
  readonly at: string;
  /** Gives what the task emits for it: the event itself, or undefined where the task, as it stands, does not take it. */
  tell(event: TaskEvent): TaskEvent | undefined;
}

/** The live actor. */
export function liveTask({ events }: Past): TaskLife {
  let emitted: TaskEvent | undefined;
  const actor = replayTask(events, (event) => {
    emitted = event;
  });
  return {
    get at() {
      return actor.getSnapshot().context.at;
    },
    tell(event) {
      emitted = undefined;
      tell(actor, event);
      return emitted;
    },
  };
}

/**
 * The reducer that the front projects with, which gives the same answers (a test holds it to the machine's). For tasks
 * that are over within less time than their actor takes: an attempt at a `hello`, 64 at once and the log's part not
 * counted, costs 46 µs of CPU with an actor and 19 with this.
 */
export function foldedTask({ events }: Past, { name, key }: TaskRef): TaskLife {
  const after = (state: TaskState | undefined, event: TaskEvent): TaskState =>
    fold(state, { key, name, seq: 0, event }) as TaskState;
  let state = events.reduce<TaskState | undefined>(after, undefined) as TaskState;
  return {
    get at() {
      return state.at;
    },
    tell(event) {
      const before = state;
      state = after(before, event);
      return state === before ? undefined : event;
    },
  };
}
