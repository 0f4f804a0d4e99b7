import { LogConflict } from '../../log/log.ts';
import { sealEnd } from '../../log/seal.ts';
import { isEnded, type TaskState } from '../../projection/state.ts';
import { authenticateBySecret } from '../authentication.ts';
import { readJson } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { checkKeys, readKeys, readStates } from '../keys.ts';
import { readFlag } from '../query.ts';
import { type Problem, RequestError } from '../request-error.ts';
import { endedWithDetails } from '../status-details.ts';
import { untilEnded } from '../waiting.ts';
import { untilFolded } from '../within.ts';

/** `POST /v1/cancel`: ends those of the account's own tasks that are still open; answers all their statuses. */
export async function cancel(parts: FrontParts, exchange: Exchange): Promise<void> {
  const body = await readJson(exchange, parts.config.MAX_BODY);
  const { account } = authenticateBySecret(parts.accounts, exchange, { body });
  const problems: Problem[] = [];
  const keys = readKeys(body.tasks, problems);
  const details = readFlag('details', body, exchange.head.query, problems);
  checkKeys(keys, 'body', parts.config.MAX_TASKS, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  // Without the exchange: the tasks are to end also if nobody waits for the answer any more.
  const asker = { location: 'body' } as const;
  const states = await readStates(parts, asker, keys, (state) => state.account === account.name);
  const end = async (): Promise<readonly TaskState[]> => {
    await endOpen(parts, states);
    return untilFolded(untilEnded(parts.projection, states, { exchange }));
  };
  const text = details ? await endedWithDetails(parts, asker, states, end) : parts.view.list(await end());
  exchange.json(200, text);
}

/**
 * The front writes the end itself, so that it needs no worker: the log decides the race with another end.
 * Only then are the workers told, to stop what has become useless.
 */
async function endOpen({ log, cancellations }: FrontParts, states: readonly TaskState[]): Promise<void> {
  const open = new Map(states.filter((state) => !isEnded(state)).map((state) => [state.key, state]));
  const canceled: string[] = [];
  const end = async ({ key, name }: TaskState): Promise<void> => {
    await log.append(await sealEnd(log, { name, key }, { type: 'canceled' }));
    canceled.push(key);
  };
  const outcomes = await Promise.allSettled([...open.values()].map(end));
  if (canceled.length > 0) cancellations.tell(canceled);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected' && !(outcome.reason instanceof LogConflict)) throw outcome.reason;
}
