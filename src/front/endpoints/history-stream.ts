import { setTimeout as delay } from 'node:timers/promises';
import { TASK_EVENT_TYPES, type TaskEventType } from '../../../actors/event.ts';
import { digestOf } from '../../accounts/account.ts';
import { eventDate } from '../../log/event-date.ts';
import type { LogReader } from '../../log/log.ts';
import { firstFrom, isAfter, lastUntil, type Position, parsePosition } from '../../log/position.ts';
import type { Extent } from '../../log/reading.ts';
import type { Projection } from '../../projection/projection.ts';
import { authenticateBySecret } from '../authentication.ts';
import type { Exchange } from '../exchange.ts';
import { type Framing, framingFor } from '../framing.ts';
import type { FrontParts } from '../front-parts.ts';
import type { HistoryRequest } from '../history-feed.ts';
import { cloudEvents, PLAIN } from '../history-lines.ts';
import { checkKeys } from '../keys.ts';
import { lastEventOf } from '../last-event.ts';
import { readPosition } from '../position.ts';
import { parseQuery, readBoolean, readOnce } from '../query.ts';
import { invalid, type Problem, RequestError } from '../request-error.ts';
import type { RequestHead } from '../request-head.ts';

interface Asked {
  readonly from: Position | undefined;
  /** The last event that the client has; wins over `from`. */
  readonly lastId: number | undefined;
  readonly until: Position | undefined;
  readonly follow: boolean;
  readonly keys: readonly string[] | undefined;
  readonly types: readonly TaskEventType[] | undefined;
  readonly isCloudEvents: boolean;
  readonly framing: Framing;
}

/** `GET /v1/history_stream`: the events of the account, an auditor's of all accounts, as they stand in the log. */
export async function historyStream(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { head } = exchange;
  const query = parseQuery(head.query);
  const { account, credential } = authenticateBySecret(parts.accounts, exchange, { query });
  const asked = readAsked(query, head, parts.config.MAX_TASKS);
  const request = await locateRequest(parts, asked, { account, secret: digestOf(credential.value) });
  // At that a browser's `EventSource` stops, which would ask for the rest for ever.
  if (!request) return exchange.sendWithoutBody(204, {});
  parts.historyFeeds.open(exchange, request);
}

function readAsked(query: URLSearchParams, head: RequestHead, maxTasks: number): Asked {
  const problems: Problem[] = [];
  const keys = query.getAll('tasks');
  checkKeys(keys, 'query', maxTasks, problems);
  const asked: Asked = {
    from: readPosition(readOnce(query, 'from', problems), 'from', 'query', problems),
    lastId: readLastId(head.header('last-event-id'), problems),
    until: readPosition(readOnce(query, 'until', problems), 'until', 'query', problems),
    follow: readBoolean(readOnce(query, 'follow', problems), 'follow', 'query', problems),
    keys: keys.length > 0 ? keys : undefined,
    types: readTypes(query.getAll('types'), problems),
    isCloudEvents: readFormat(readOnce(query, 'format', problems), head, problems),
    framing: framingFor(head),
  };
  if (isAfter(asked.from, asked.until))
    problems.push({ name: 'until', location: 'query', description: 'until lies before from' });
  if (problems.length > 0) throw new RequestError(400, problems);
  return asked;
}

function readLastId(text: string, problems: Problem[]): number | undefined {
  if (text === '') return undefined;
  const position = parsePosition(text);
  if (position?.kind === 'seq') return position.seq;
  const description = 'Last-Event-ID must be the seq of an event';
  problems.push({ name: 'Last-Event-ID', location: 'header', description });
  return undefined;
}

function readTypes(values: readonly string[], problems: Problem[]): readonly TaskEventType[] | undefined {
  const known = TASK_EVENT_TYPES as readonly string[];
  for (const [index, value] of values.entries()) {
    if (known.includes(value)) continue;
    const name = values.length === 1 ? 'types' : `types[${index}]`;
    const choices = known.map((choice) => `'${choice}'`).join(', ');
    const description = `'${value.slice(0, 100)}' is not a type of events, choose one of: ${choices}`;
    problems.push({ name, location: 'query', description });
  }
  return values.length > 0 ? (values as TaskEventType[]) : undefined;
}

function readFormat(format: string | null, head: RequestHead, problems: Problem[]): boolean {
  if (format === null) return head.header('accept').toLowerCase().includes('application/cloudevents');
  if (format === 'cloudevents') return true;
  problems.push({ name: 'format', location: 'query', description: "format must be 'cloudevents'" });
  return false;
}

/**
 * Turns dates into positions in the log, and says where the feed ends: at the head as it is now, if nowhere else. Undefined
 * for a browser's `EventSource` that has had all up to the end that it asked for.
 */
async function locateRequest(
  { log, projection, config }: FrontParts,
  { from, lastId, until, follow, keys, types, isCloudEvents, framing }: Asked,
  asker: Pick<HistoryRequest, 'account' | 'secret'>,
): Promise<HistoryRequest | undefined> {
  const { first: oldest, held, last } = await extentWith({ log, projection }, tellsOf(from, lastId));
  const startsAt = stillToCome(from);
  const endsAt = stillToCome(until);
  const end = until && !endsAt ? await lastUntil(log, until) : undefined;
  const first = from ? await firstFrom(log, from) : 1;
  const after = lastId ?? Math.max(0, first - 1);
  const isEndThere = end !== undefined && end <= last;
  if (isEndThere && framing.hasIds && lastId !== undefined && lastId >= end) return undefined;
  // In the archive these tasks share their shards with others, whose events a reading to the end would all go through. Where
  // the last event of the tasks is known, it ends there.
  const isArchived = oldest < held && after + 1 < held;
  const lastOne =
    !follow && keys && isArchived ? await lastEventOf({ log, projection }, keys, last) : undefined;
  return {
    ...asker,
    reading: {
      after,
      through: follow ? end : Math.min(end ?? last, last, Math.max(after, lastOne ?? last)),
      keys,
      types,
    },
    follow: follow && !isEndThere,
    hasEnd: isEndThere || (follow && until !== undefined),
    startsAt: follow ? startsAt : undefined,
    endsAt: follow ? endsAt : undefined,
    wording: isCloudEvents ? cloudEvents(config.PUBLIC_URL) : PLAIN,
    framing,
  };
}

/** A log that has a new leader may say for a moment that it ends before what readers were told. */
const LEADER_MS = 1_000;

/** An event that the log must have had, and where the request says so. */
interface Told extends Pick<Problem, 'name' | 'location'> {
  readonly seq: number;
}

/** The last event that the client has, if it says so. */
function tellsOf(from: Position | undefined, lastId: number | undefined): Told | undefined {
  if (lastId !== undefined) return { name: 'Last-Event-ID', location: 'header', seq: lastId };
  return from?.kind === 'seq' ? { name: 'from', location: 'query', seq: from.seq - 1 } : undefined;
}

interface ExtentParts {
  readonly log: Pick<LogReader, 'extent'>;
  readonly projection: Pick<Projection, 'seq'>;
}

/**
 * What the log holds, also where it tells less than this front has folded of it. Rejects with a 400 `RequestError` if that
 * ends before what was told of it: a client that has read of another log would wait for this one to come as far, and miss
 * all until then.
 */
async function extentWith({ log, projection }: ExtentParts, told: Told | undefined): Promise<Extent> {
  const extent = await log.extent();
  if (!told || told.seq <= extent.last) return extent;
  if (told.seq <= projection.seq) return { ...extent, last: projection.seq };
  await delay(LEADER_MS);
  const now = await log.extent();
  if (told.seq <= now.last) return now;
  const description = `${told.name} is beyond the newest event of the log, ${now.last}: the log was made anew, or lost events, since that was told`;
  throw invalid(told.location, told.name, description);
}

/** The date, unless it is over. */
const stillToCome = (position: Position | undefined): string | undefined =>
  position?.kind === 'date' && position.date > eventDate() ? position.date : undefined;
