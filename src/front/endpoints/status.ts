import type { Position } from '../../log/position.ts';
import type { TaskState } from '../../projection/state.ts';
import { readJson } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import { isOver } from '../framing.ts';
import type { FrontParts } from '../front-parts.ts';
import { checkHeld } from '../held-answers.ts';
import { type Asker, checkKeys, readKeys, readStates } from '../keys.ts';
import { readPast } from '../past.ts';
import { readPosition } from '../position.ts';
import { parseQuery, readBoolean, readEither, readFlag, readOnce } from '../query.ts';
import { type Problem, RequestError } from '../request-error.ts';
import { pastWithDetails, withDetails } from '../status-details.ts';
import { keepRoomToWait, untilEnded } from '../waiting.ts';

type Location = 'body' | 'query';

interface Asked {
  readonly keys: readonly string[];
  readonly block: boolean;
  readonly details: boolean;
  /** When to look at them; now without it. */
  readonly at: Position | undefined;
  readonly location: Location;
}

/** `GET` and `POST /v1/status`: the statuses of the given tasks, in the order asked. The key is the capability. */
export async function status(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { at, keys, block, details, location } = await readAsked(parts, exchange);
  const asker = { exchange, location };
  if (at) {
    if (details) return exchange.json(200, await pastWithDetails(parts, asker, keys, at));
    const past = await readPast(parts.log, keys, at, location, ({ state }) => {
      exchange.expectClient();
      return state;
    });
    return exchange.json(200, parts.view.list(past));
  }
  const shown = block ? await readEnded(parts, asker, keys) : await readStates(parts, asker, keys);
  const text = details ? await withDetails(parts, asker, shown) : parts.view.list(shown);
  checkHeld(text.length, location);
  exchange.json(200, text);
}

async function readEnded(parts: FrontParts, asker: Asker, keys: readonly string[]): Promise<TaskState[]> {
  const { exchange, location } = asker;
  const giveBack = keepRoomToWait(parts.projection, keys.length, location);
  try {
    const states = await readStates(parts, asker, keys);
    return await untilEnded(parts.projection, states, { exchange, onWatched: giveBack });
  } finally {
    giveBack();
  }
}

/** `GET` and `POST /v1/status_stream`, `/v1/stream`: the statuses, followed until all have ended. */
export async function statusStream(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { keys, location } = await readAsked(parts, exchange, 'feed');
  if (isOver(exchange.head)) return exchange.sendWithoutBody(204, {});
  const giveBack = keepRoomToWait(parts.projection, keys.length, location);
  try {
    await parts.statusFeeds.open(exchange, await readStates(parts, { exchange, location }, keys), location);
  } finally {
    giveBack();
  }
}

async function readAsked(
  parts: FrontParts,
  exchange: Exchange,
  kind: 'answer' | 'feed' = 'answer',
): Promise<Asked> {
  const problems: Problem[] = [];
  let asked: Asked;
  let atLocation: Location = 'query';
  if (exchange.head.method === 'GET') {
    const query = parseQuery(exchange.head.query);
    asked = {
      keys: query.getAll('tasks'),
      block: readBoolean(readOnce(query, 'block', problems), 'block', 'query', problems),
      details: readBoolean(readOnce(query, 'details', problems), 'details', 'query', problems),
      at: readPosition(readOnce(query, 'at', problems), 'at', 'query', problems),
      location: 'query',
    };
    if (asked.keys.length === 0)
      problems.push({ name: 'tasks', location: 'query', description: 'tasks is missing' });
  } else {
    const body = await readJson(exchange, parts.config.MAX_BODY);
    const at = readEither('at', body, exchange.head.query, problems);
    atLocation = at.location;
    asked = {
      keys: readKeys(body.tasks, problems),
      block: readFlag('block', body, exchange.head.query, problems),
      details: readFlag('details', body, exchange.head.query, problems),
      at: readPosition(at.value, 'at', at.location, problems),
      location: 'body',
    };
  }
  const { at, block } = asked;
  const refuseAt = (description: string) => problems.push({ name: 'at', location: atLocation, description });
  if (at && kind === 'feed') refuseAt('at is for /v1/status, a feed tells what comes');
  else if (at && block) refuseAt('at cannot be combined with block');
  checkKeys(asked.keys, asked.location, parts.config.MAX_TASKS, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  return asked;
}
