import { authenticate } from '../authentication.ts';
import { type JsonObject, readJson } from '../body.ts';
import { type CheckedTask, type Credential, checkTasks } from '../definitions.ts';
import type { Exchange } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { withSent } from '../history-view.ts';
import { readIdempotencyKey } from '../idempotency.ts';
import { submit } from '../named-create.ts';
import { readBoolean } from '../query.ts';
import { type Problem, RequestError } from '../request-error.ts';
import { untilEnded } from '../waiting.ts';

/** `POST /v1/create`: queues all tasks or none; answers their statuses, with `block` their final ones, with `details` more. */
export async function create(parts: FrontParts, exchange: Exchange): Promise<void> {
  const body = await readJson(exchange, parts.config.MAX_BODY);
  const { account, credential } = authenticate(parts.accounts, exchange, { body });
  const problems: Problem[] = [];
  const tasks = readTasks(parts, exchange, body, credential, problems);
  const block = readBoolean(body.block, 'block', 'body', problems);
  const details = readBoolean(body.details, 'details', 'body', problems);
  const key = readIdempotencyKey(exchange.head, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  const queued = await submit(parts, exchange, account, tasks, key);
  const states = block
    ? await untilEnded(parts.projection, queued, exchange)
    : queued.map((state) => parts.projection.peek(state.key) ?? state);
  exchange.json(200, details ? withSent(parts.view, states, tasks) : parts.view.list(states));
}

/** `POST /v1/create_stream`: the same, followed as it happens. */
export async function createStream(parts: FrontParts, exchange: Exchange): Promise<void> {
  const body = await readJson(exchange, parts.config.MAX_BODY);
  const { account, credential } = authenticate(parts.accounts, exchange, { body });
  const problems: Problem[] = [];
  const tasks = readTasks(parts, exchange, body, credential, problems);
  const key = readIdempotencyKey(exchange.head, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  parts.feeds.open(exchange, await submit(parts, exchange, account, tasks, key));
}

const readTasks = (
  parts: FrontParts,
  exchange: Exchange,
  body: JsonObject,
  credential: Credential,
  problems: Problem[],
): CheckedTask[] =>
  checkTasks(
    body.tasks,
    {
      maxTasks: parts.config.MAX_TASKS,
      bodyBytes: Number(exchange.head.header('content-length')) || Infinity,
      credential,
    },
    problems,
  );
