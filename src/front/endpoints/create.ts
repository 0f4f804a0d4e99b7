import type { Account } from '../../accounts/account.ts';
import { authenticate } from '../authentication.ts';
import { bodyBytes, type JsonObject, readJson } from '../body.ts';
import { createTasks } from '../create-tasks.ts';
import { type CheckedTask, checkTasks } from '../definitions.ts';
import type { Exchange } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { checkHeld } from '../held-answers.ts';
import { readIdempotencyKey } from '../idempotency.ts';
import { readFlag } from '../query.ts';
import { type Problem, RequestError } from '../request-error.ts';
import { withSent } from '../status-details.ts';
import { keepRoomToWait, untilEnded } from '../waiting.ts';

/** `POST /v1/create`: queues all tasks or none; answers their statuses, with `block` their final ones, with `details` more. */
export async function create(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { body, problems, ...asked } = await readCreate(parts, exchange);
  const block = readFlag('block', body, exchange.head.query, problems);
  const details = readFlag('details', body, exchange.head.query, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  const giveBack = block ? keepRoomToWait(parts.projection, asked.tasks.length, 'body') : undefined;
  try {
    const queued = await createTasks(parts, exchange, asked.account, asked.tasks, asked.idempotencyKey);
    const states = block
      ? await untilEnded(parts.projection, queued, { exchange, onWatched: giveBack })
      : queued.map((state) => parts.projection.peek(state.key) ?? state);
    const text = details ? withSent(parts.view, states, asked.tasks) : parts.view.list(states);
    if (mayBeRepeated(asked)) checkHeld(text.length, 'body');
    exchange.json(200, text);
  } finally {
    giveBack?.();
  }
}

/** `POST /v1/create_stream`: the same, followed as it happens. */
export async function createStream(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { account, tasks, idempotencyKey, problems } = await readCreate(parts, exchange);
  if (problems.length > 0) throw new RequestError(400, problems);
  const giveBack = keepRoomToWait(parts.projection, tasks.length, 'body');
  try {
    const states = await createTasks(parts, exchange, account, tasks, idempotencyKey);
    await parts.statusFeeds.open(exchange, states, mayBeRepeated({ idempotencyKey }) ? 'body' : undefined);
  } finally {
    giveBack();
  }
}

/**
 * Whoever names a request has the same tasks again when it is told that there is no room for the answer. It may also ask for
 * them as often as it likes, with all that they have come to.
 */
const mayBeRepeated = ({ idempotencyKey }: Pick<Asked, 'idempotencyKey'>): boolean =>
  idempotencyKey !== undefined;

interface Asked {
  readonly body: JsonObject;
  readonly account: Account;
  readonly tasks: readonly CheckedTask[];
  readonly idempotencyKey: string | undefined;
  /** What is wrong so far. */
  readonly problems: Problem[];
}

async function readCreate({ accounts, config }: FrontParts, exchange: Exchange): Promise<Asked> {
  const body = await readJson(exchange, config.MAX_BODY);
  const { account, credential } = authenticate(accounts, exchange, { body });
  const problems: Problem[] = [];
  const sentBy = { maxTasks: config.MAX_TASKS, bodyBytes: bodyBytes(exchange.head), credential };
  const tasks = checkTasks(body.tasks, sentBy, problems);
  const idempotencyKey = readIdempotencyKey(exchange.head, problems);
  return { body, account, tasks, idempotencyKey, problems };
}
