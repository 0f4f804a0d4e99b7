import type { TaskState } from '../projection/state.ts';
import type { CheckedTask } from './definitions.ts';
import type { FrontParts } from './front-parts.ts';
import type { KnownTask } from './past.ts';
import type { StatusView } from './status-view.ts';
import { type WaitReason, waitReason } from './wait-reason.ts';

/** Statuses with the definition, the number of attempts, the metas and what a task waits for. */
export async function withDetails(parts: FrontParts, states: readonly TaskState[]): Promise<string> {
  const tasks: KnownTask[] = [];
  for (const state of states) tasks.push({ state, history: await parts.log.history(state.key) });
  return detailedJson(parts.view, tasks, (task) => waitReason(task, parts, Date.now()));
}

/**
 * The same of tasks that have just been created, without a look into the log: who was told that it is out of reach would
 * create them again.
 */
export function withSent(
  view: StatusView,
  states: readonly TaskState[],
  tasks: readonly CheckedTask[],
): string {
  const texts = states.map((state, index) => {
    const { sent, metas } = tasks[index] as CheckedTask;
    return withMembers(view.json(state), { task: sent, attempts: state.attempt, task_metas: metas ?? {} });
  });
  return `[${texts.join(',')}]`;
}

const withMembers = (status: string, members: object): string =>
  `${status.slice(0, -1)},${JSON.stringify(members).slice(1)}`;

/** `reasonOf` says what a task waits for. */
export function detailedJson(
  view: StatusView,
  tasks: readonly KnownTask[],
  reasonOf: (task: KnownTask) => WaitReason | undefined = () => undefined,
): string {
  const texts = tasks.map((task) => {
    const { state, history } = task;
    const queued = history[0]?.event;
    const waiting = reasonOf(task);
    const details =
      queued?.type === 'queued'
        ? { task: queued.task, attempts: state.attempt, task_metas: queued.task_metas ?? {} }
        : { attempts: state.attempt };
    return withMembers(view.json(state), { ...details, ...(waiting && { waiting }) });
  });
  return `[${texts.join(',')}]`;
}
