import { isKey } from '../log/key.ts';
import type { TaskState } from '../projection/state.ts';
import type { Exchange } from './exchange.ts';
import type { FrontParts } from './front-parts.ts';
import { readOnce } from './query.ts';
import { type Problem, RequestError } from './request-error.ts';

type Location = 'body' | 'query';

/** The keys in a body: one, or a list of them. What is no text is left to `checkKeys`. Adds to `problems`. */
export function readKeys(value: unknown, problems: Problem[]): string[] {
  const report = (description: string) => problems.push({ name: 'tasks', location: 'body', description });
  if (value === undefined || value === null) report('tasks is missing');
  else if (typeof value === 'string') return [value];
  else if (!Array.isArray(value)) report('tasks must be a key or a list of keys');
  else if (value.length === 0) report('tasks is empty');
  else return value.map((key) => (typeof key === 'string' ? key : ''));
  return [];
}

/** Adds to `problems` each key that is none, or that they are more than `limit`. */
export function checkKeys(
  keys: readonly string[],
  location: Location,
  limit: number,
  problems: Problem[],
): void {
  if (keys.length > limit) {
    const description = `tasks has ${keys.length} keys, the limit is ${limit}`;
    problems.push({ name: 'tasks', location, description });
    return;
  }
  for (const [index, key] of keys.entries()) {
    const name = nameOf(keys, index);
    if (!isKey(key)) problems.push({ name, location, description: `${name} is not a task key` });
  }
}

/** The one key in a query, or ''. Adds to `problems`. */
export function readKey(query: URLSearchParams, problems: Problem[]): string {
  const key = readOnce(query, 'task', problems);
  const report = (description: string) => problems.push({ name: 'task', location: 'query', description });
  if (key === null) report('task is missing');
  else if (!isKey(key)) report('task is not a task key');
  return key ?? '';
}

/** Where a key stands in a request: `tasks`, or `tasks[2]` of several. */
export const nameOf = (keys: readonly string[], index: number): string =>
  keys.length === 1 ? 'tasks' : `tasks[${index}]`;

/** What a 404 says of a key. */
export const unknownTask = (key: string, location: Location = 'query', name = 'task'): Problem => ({
  name,
  location,
  description: `no task has the key '${key}'`,
});

/** Who asks for tasks. */
export interface Asker {
  /** Nothing more is read once its client has left. Without it all is read: what is asked for is done, whoever waits. */
  readonly exchange?: Exchange;
  /** Where the keys stand in the request. */
  readonly location: Location;
}

/** How many cold tasks of one request are read from the log at the same time, each once. */
const COLD_AT_ONCE = 32;

/**
 * The states of these tasks, in their order. Rejects with a 404 `RequestError` that names each key which is
 * unknown, or whose task `isVisible` denies; with `ClientLeft`.
 */
export async function readStates(
  { projection }: Pick<FrontParts, 'projection'>,
  { exchange, location }: Asker,
  keys: readonly string[],
  isVisible: (state: TaskState) => boolean = () => true,
): Promise<TaskState[]> {
  const states = new Map(keys.map((key) => [key, projection.peek(key)]));
  const cold = [...states.keys()].filter((key) => !states.get(key));
  const readNext = async (): Promise<void> => {
    for (let key = cold.pop(); key !== undefined; key = cold.pop()) {
      exchange?.expectClient();
      states.set(key, await projection.read(key));
    }
  };
  await Promise.all(Array.from({ length: Math.min(COLD_AT_ONCE, cold.length) }, readNext));
  const unknown: Problem[] = [];
  const found = keys.map((key, index) => {
    const state = states.get(key);
    if (!state || !isVisible(state)) unknown.push(unknownTask(key, location, nameOf(keys, index)));
    return state as TaskState;
  });
  if (unknown.length > 0) throw new RequestError(404, unknown);
  return found;
}
