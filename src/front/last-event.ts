import { isEnd } from '../../actors/event.ts';
import type { EventLog } from '../log/log.ts';
import type { Projection } from '../projection/projection.ts';
import { untilFolded } from './within.ts';

/** Looking for the ends of more tasks than this takes longer than it saves. */
const TASKS_AT_MOST = 20;

interface Parts {
  readonly log: EventLog;
  readonly projection: Projection;
}

/**
 * The sequence of the last event that the log holds up to `through` of these tasks. Undefined where that is not certain:
 * a task has not ended or is not known, or what came late of it may have been forgotten. Rejects with `LogUnavailable`.
 */
export async function lastEventOf(
  { log, projection }: Parts,
  keys: readonly string[],
  through: number,
): Promise<number | undefined> {
  if (keys.length > TASKS_AT_MOST) return undefined;
  await untilFolded(projection.reached(through)).catch(() => {});
  if (projection.seq < through) return undefined;
  const last = await Promise.all(keys.map((key) => lastOf({ log, projection }, key)));
  return last.every((seq) => seq !== undefined) ? Math.max(...last) : undefined;
}

async function lastOf({ log, projection }: Parts, key: string): Promise<number | undefined> {
  const history = await log.fullHistory(key);
  const end = history.find(({ event }) => isEnd(event.type))?.seq;
  if (end === undefined || !projection.knowsLateEventsOf(key, end)) return undefined;
  return Math.max(end, ...projection.lateEventsOf(key));
}
