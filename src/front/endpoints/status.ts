import { isKey } from '../../log/key.ts';
import type { TaskState } from '../../projection/state.ts';
import { readJson } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { withDetails } from '../history-view.ts';
import { parseQuery, readBoolean } from '../query.ts';
import { type Problem, RequestError } from '../request-error.ts';
import { untilEnded } from '../waiting.ts';

type Location = 'body' | 'query';

interface Asked {
  readonly keys: readonly string[];
  readonly block: boolean;
  readonly details: boolean;
  readonly location: Location;
}

/** `GET` and `POST /v1/status`: the statuses of the given tasks, in the order asked. The key is the capability. */
export async function status(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { keys, block, details, location } = await readAsked(parts, exchange);
  const states = await readStates(parts, keys, location);
  const shown = block ? await untilEnded(parts.projection, states, exchange) : states;
  exchange.json(200, details ? await withDetails(parts, shown) : parts.view.list(shown));
}

/** `GET` and `POST /v1/status_stream`, `/v1/stream`: the statuses, followed until all have ended. */
export async function statusStream(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { keys, location } = await readAsked(parts, exchange);
  parts.feeds.open(exchange, await readStates(parts, keys, location));
}

async function readAsked(parts: FrontParts, exchange: Exchange): Promise<Asked> {
  const problems: Problem[] = [];
  let asked: Asked;
  if (exchange.head.method === 'GET') {
    const query = parseQuery(exchange.head.query);
    asked = {
      keys: query.getAll('tasks'),
      block: readBoolean(query.get('block'), 'block', 'query', problems),
      details: readBoolean(query.get('details'), 'details', 'query', problems),
      location: 'query',
    };
    if (asked.keys.length === 0)
      problems.push({ name: 'tasks', location: 'query', description: 'tasks is missing' });
  } else {
    const body = await readJson(exchange, parts.config.MAX_BODY);
    asked = {
      keys: readKeys(body.tasks, problems),
      block: readBoolean(body.block, 'block', 'body', problems),
      details: readBoolean(body.details, 'details', 'body', problems),
      location: 'body',
    };
  }
  checkKeys(asked, parts.config.MAX_TASKS, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  return asked;
}

function readKeys(value: unknown, problems: Problem[]): string[] {
  const report = (description: string) => problems.push({ name: 'tasks', location: 'body', description });
  if (value === undefined || value === null) report('tasks is missing');
  else if (typeof value === 'string') return [value];
  else if (!Array.isArray(value)) report('tasks must be a key or a list of keys');
  else if (value.length === 0) report('tasks is empty');
  else return value.map((key) => (typeof key === 'string' ? key : ''));
  return [];
}

function checkKeys({ keys, location }: Asked, limit: number, problems: Problem[]): void {
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

const nameOf = (keys: readonly string[], index: number): string =>
  keys.length === 1 ? 'tasks' : `tasks[${index}]`;

/** How many cold keys of one request are read from the log at the same time. */
const COLD_AT_ONCE = 32;

async function readStates(
  parts: FrontParts,
  keys: readonly string[],
  location: Location,
): Promise<TaskState[]> {
  const states = keys.map((key) => parts.projection.peek(key));
  const cold = keys.flatMap((_, index) => (states[index] ? [] : [index]));
  const readNext = async (): Promise<void> => {
    for (let index = cold.pop(); index !== undefined; index = cold.pop())
      states[index] = await parts.projection.read(keys[index] as string);
  };
  await Promise.all(Array.from({ length: Math.min(COLD_AT_ONCE, cold.length) }, readNext));
  const unknown = keys.flatMap((key, index): Problem[] =>
    states[index]
      ? []
      : [{ name: nameOf(keys, index), location, description: `no task has the key '${key}'` }],
  );
  if (unknown.length > 0) throw new RequestError(404, unknown);
  return states as TaskState[];
}
