import type { TaskState } from '../../projection/state.ts';
import { catalogue } from '../../tasks/catalogue.ts';
import { convertQuery, takesJson } from '../../tasks/query-parameters.ts';
import { authenticate } from '../authentication.ts';
import { bodyBytes, readJson } from '../body.ts';
import { createTasks } from '../create-tasks.ts';
import { type CheckedTask, checkTask, type SentBy } from '../definitions.ts';
import type { Exchange, Headers } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { readIdempotencyKey } from '../idempotency.ts';
import { findExcess, isWritable, NOT_WRITABLE } from '../json-text.ts';
import { givenTwice, parseQuery, readFilename } from '../query.ts';
import { type Problem, RequestError } from '../request-error.ts';
import { answerFile, untilFile } from './file.ts';

/** `POST /v1/create_file/{filename}`: queues a task, waits for the file and redirects to it. */
export async function createFileByPost(
  parts: FrontParts,
  exchange: Exchange,
  segment: string,
): Promise<void> {
  const body = await readJson(exchange, parts.config.MAX_BODY);
  const { account, credential } = authenticate(parts.accounts, exchange, { body });
  const problems: Problem[] = [];
  const filename = readFilename(segment, problems);
  const sentBy = { bodyBytes: bodyBytes(exchange.head), credential };
  const isThere = body.task !== undefined && body.task !== null;
  if (!isThere) problems.push({ name: 'task', location: 'body', description: 'task is missing' });
  const task = isThere ? checkTask(body.task, 'task', sentBy, problems) : undefined;
  const idempotencyKey = readIdempotencyKey(exchange.head, problems);
  if (!task || problems.length > 0) throw new RequestError(400, problems);
  const [queued] = await createTasks(parts, exchange, account, [task], idempotencyKey);
  answerFile(parts, exchange, filename, await untilFile(parts, exchange, filename, queued as TaskState));
}

const NOT_PARAMETERS = new Set(['secret', 'api_key']);

/**
 * `GET /v1/create_file/{filename}`: the same, with the definition in the query, so that it fits an `<img>`. Pages
 * are read by many, so a task that is at it, or has done it within `CACHE_SECONDS`, stands for a new one.
 */
export async function createFileByGet(parts: FrontParts, exchange: Exchange, segment: string): Promise<void> {
  const query = parseQuery(exchange.head.query);
  const { account, credential } = authenticate(parts.accounts, exchange, { query });
  const problems: Problem[] = [];
  const filename = readFilename(segment, problems);
  const sentBy = { bodyBytes: exchange.head.query.length, credential };
  const task = taskFromQuery(query, sentBy, problems);
  const idempotencyKey = readIdempotencyKey(exchange.head, problems);
  if (!task || problems.length > 0) throw new RequestError(400, problems);
  const create = async (): Promise<TaskState> => {
    const [queued] = await createTasks(parts, exchange, account, [task], idempotencyKey);
    return queued as TaskState;
  };
  const mayShare = parts.config.CACHE_SECONDS > 0 && !asksForItsOwn(exchange, task, idempotencyKey);
  for (;;) {
    const { state, how } = mayShare
      ? await parts.sharedCreates.find(account, task, create)
      : { state: await create(), how: 'created' as const };
    const found = await untilFile(parts, exchange, filename, state);
    // Somebody else's task, which they did not want any more.
    if (how === 'open' && found.status === 'error' && found.result === 'canceled') continue;
    parts.metrics.gotFile(how);
    return answerFile(parts, exchange, filename, found, cacheHeaders(parts, found));
  }
}

/** A client that names its request, or sends what would be kept with the task, wants a task that is its own. */
const asksForItsOwn = (
  { head }: Exchange,
  { metas }: CheckedTask,
  idempotencyKey: string | undefined,
): boolean =>
  /(^|[\s,])no-cache($|[\s,=])/i.test(head.header('cache-control')) ||
  idempotencyKey !== undefined ||
  metas !== undefined;

/**
 * As long as we would give the same answer, the client's own cache may. Not one that others share: the request
 * carries credentials.
 */
function cacheHeaders({ config }: FrontParts, { completed }: TaskState): Headers {
  if (completed === undefined) return {};
  const seconds = Math.floor((Date.parse(completed) - Date.now()) / 1_000 + config.CACHE_SECONDS);
  const left = Math.min(seconds, config.CACHE_SECONDS);
  return left > 0 ? { 'Cache-Control': `private, max-age=${left}` } : {};
}

function taskFromQuery(query: URLSearchParams, sentBy: SentBy, problems: Problem[]): CheckedTask | undefined {
  const definition = catalogue.get(query.get('task_name') ?? '');
  const given = [...query].filter(([name]) => !NOT_PARAMETERS.has(name));
  const isJson = (name: string) => name === 'task_metas' || (definition && takesJson(definition, name));
  const unreadable = given.filter(([name]) => isJson(name)).flatMap(problemOf);
  if (unreadable.length > 0) {
    problems.push(...unreadable);
    return undefined;
  }
  const service = given.filter(([name]) => name.startsWith('task_'));
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const [name] of service) (seen.has(name) ? repeated : seen).add(name);
  for (const name of repeated) problems.push(givenTwice(name));
  const rest = given.filter(([name]) => !name.startsWith('task_'));
  const parameters = definition ? convertQuery(definition, rest) : {};
  const named = Object.fromEntries(
    service.map(([name, text]) => [name, name === 'task_metas' ? fromJson(text) : text]),
  );
  return checkTask({ ...parameters, ...named }, 'task', sentBy, problems, 'query');
}

/** What is wrong with a text that is taken for JSON, before anybody parses it. */
function problemOf([name, text]: readonly [string, string]): Problem[] {
  if (!/^\s*[[{]/.test(text)) return [];
  const wrong =
    findExcess(Buffer.from(text)) ?? (isWritable(text, fromJson(text)) ? undefined : NOT_WRITABLE);
  const shown = name.slice(0, 100);
  return wrong === undefined ? [] : [{ name: shown, location: 'query', description: `${shown} ${wrong}` }];
}

/** An object arrives as JSON in a query; what is none stays text, and the check says so. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
