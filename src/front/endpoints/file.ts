import type { StoredOutput } from '../../../actors/event.ts';
import { isKey } from '../../log/key.ts';
import { isEnded, type TaskState } from '../../projection/state.ts';
import { catalogue } from '../../tasks/catalogue.ts';
import { convertQuery } from '../../tasks/parameters.ts';
import { authenticate } from '../authentication.ts';
import { readJson } from '../body.ts';
import { type CheckedTask, checkTask } from '../definitions.ts';
import type { Exchange } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { readIdempotencyKey } from '../idempotency.ts';
import { submit } from '../named-create.ts';
import { decodePath, parseQuery } from '../query.ts';
import { invalid, type Problem, RequestError } from '../request-error.ts';
import { untilEach } from '../waiting.ts';

/** `POST /v1/create_file/{filename}`: queues a task, waits for the file and redirects to it. */
export async function createFileByPost(
  parts: FrontParts,
  exchange: Exchange,
  segment: string,
): Promise<void> {
  const body = await readJson(exchange, parts.config.MAX_BODY);
  const account = authenticate(parts.accounts, exchange.head, { body });
  const filename = decodePath(segment);
  if (body.task === undefined || body.task === null) throw invalid('body', 'task', 'task is missing');
  const problems: Problem[] = [];
  const task = checkTask(
    body.task,
    'task',
    Number(exchange.head.header('content-length')) || Infinity,
    problems,
  );
  const idempotencyKey = readIdempotencyKey(exchange.head, problems);
  if (!task || problems.length > 0) throw new RequestError(400, problems);
  const [queued] = await submit(parts, exchange, account, [task], idempotencyKey);
  await redirectToFile(parts, exchange, filename, queued as TaskState);
}

const NOT_PARAMETERS = new Set(['secret', 'api_key']);

/** `GET /v1/create_file/{filename}`: the same, with the definition in the query, so that it fits an `<img>`. */
export async function createFileByGet(parts: FrontParts, exchange: Exchange, segment: string): Promise<void> {
  const query = parseQuery(exchange.head.query);
  const account = authenticate(parts.accounts, exchange.head, { query });
  const filename = decodePath(segment);
  const problems: Problem[] = [];
  const task = taskFromQuery(query, exchange.head.query.length, problems);
  const idempotencyKey = readIdempotencyKey(exchange.head, problems);
  if (!task || problems.length > 0) throw new RequestError(400, problems);
  const [queued] = await submit(parts, exchange, account, [task], idempotencyKey);
  await redirectToFile(parts, exchange, filename, queued as TaskState);
}

function taskFromQuery(query: URLSearchParams, bytes: number, problems: Problem[]): CheckedTask | undefined {
  const definition = catalogue.get(query.get('task_name') ?? '');
  const given = [...query].filter(([name]) => !NOT_PARAMETERS.has(name));
  const service = given.filter(([name]) => name.startsWith('task_'));
  const rest = given.filter(([name]) => !name.startsWith('task_'));
  const parameters = definition ? convertQuery(definition, rest) : {};
  const named = Object.fromEntries(
    service.map(([name, text]) => [name, name === 'task_metas' ? fromJson(text) : text]),
  );
  return checkTask({ ...parameters, ...named }, 'task', bytes, problems, 'query');
}

/** An object arrives as JSON in a query; what is none stays text, and the check says so. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `GET /v1/file/{filename}?task=KEY`: waits for a file of a task that exists and redirects to it. */
export async function file(parts: FrontParts, exchange: Exchange, segment: string): Promise<void> {
  const query = parseQuery(exchange.head.query);
  const key = query.get('task');
  if (key === null) throw invalid('query', 'task', 'task is missing');
  if (!isKey(key)) throw invalid('query', 'task', 'task is not a task key');
  const state = await parts.projection.read(key);
  if (!state)
    throw new RequestError(404, [
      { name: 'task', location: 'query', description: `no task has the key '${key}'` },
    ]);
  await redirectToFile(parts, exchange, decodePath(segment), state);
}

/** The file may be there before the task has ended, if that makes several. */
async function redirectToFile(
  parts: FrontParts,
  exchange: Exchange,
  filename: string,
  task: TaskState,
): Promise<void> {
  const isEnough = (state: TaskState) => isEnded(state) || findFile(state, filename) !== undefined;
  const [state] = (await untilEach(isEnough, parts.projection, [task], exchange)) as [TaskState];
  if (state.status === 'error') return exchange.json(400, parts.view.json(state));
  const choice = chooseFile(state, filename);
  if ('message' in choice)
    return exchange.json(404, JSON.stringify({ status: 'error', message: choice.message }));
  exchange.redirect(parts.view.outputUrl(state.key, choice.file));
}

/** The file of a task that has ended, or what is wrong with its name. */
export function chooseFile(
  state: TaskState,
  filename: string,
): { readonly file: string } | { readonly message: string } {
  const file = findFile(state, filename);
  if (file) return file;
  const { outputs, name } = state;
  if (outputs.length === 0) return { message: `the task '${name}' made no file` };
  const choices = outputs.map((output) => `'${output.name}'`).join(', ');
  if (filename === '') return { message: `a filename is missing, choose one of: ${choices}` };
  return { message: `'${filename.slice(0, 200)}' is not a valid filename, choose one of: ${choices}` };
}

/** A task with one file serves it under any name; of several, the name decides, with or without an extension. */
function findFile(state: TaskState, filename: string): StoredOutput | undefined {
  const { outputs, name } = state;
  const stem = filename.replace(/\.[^.]*$/, '');
  const named =
    outputs.find((output) => output.name === filename) ?? outputs.find((output) => output.name === stem);
  if (named) return named;
  const hasOnlyOne = isEnded(state) ? outputs.length === 1 : catalogue.get(name)?.files({}).length === 1;
  return hasOnlyOne ? outputs[0] : undefined;
}
