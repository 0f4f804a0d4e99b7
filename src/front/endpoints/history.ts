import { authenticateBySecret } from '../authentication.ts';
import type { Exchange } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { historyJson } from '../history-view.ts';
import { readKey, unknownTask } from '../keys.ts';
import { parseQuery } from '../query.ts';
import { type Problem, RequestError } from '../request-error.ts';

/** `GET /v1/history?task=KEY`: the events of one task of the account's own, in log order. */
export async function history(parts: FrontParts, exchange: Exchange): Promise<void> {
  const query = parseQuery(exchange.head.query);
  const { account } = authenticateBySecret(parts.accounts, exchange, { query });
  const problems: Problem[] = [];
  const key = readKey(query, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  const late = (): number[] => parts.projection.lateEventsOf(key);
  const events = await parts.log.fullHistory(key, { late });
  // Another account's task is as unknown as one that never was.
  if (events.length === 0 || (events[0]?.event.account !== account.name && !account.auditor))
    throw new RequestError(404, [unknownTask(key)]);
  exchange.json(200, historyJson(events));
}
