import { type Evidence, eventsIn, type History } from '../evidence.ts';
import { type Observation, type SeenStatus, statusesIn } from '../observations.ts';

type Histories = ReadonlyMap<string, History>;

/** One status that somebody was shown. */
interface Shown {
  readonly call: number;
  readonly front: number;
  readonly askedAt: number;
  readonly at: number;
  readonly status: SeenStatus;
}

function shownBy(observation: Observation): Shown[] {
  const { call, front, askedAt, answer } = observation;
  const show = (at: number, body: unknown): Shown[] =>
    statusesIn(Array.isArray(body) ? body : [body]).map((status) => ({ call, front, askedAt, at, status }));
  if (observation.kind === 'feed') return observation.lines.flatMap(({ at, value }) => show(at, value));
  return answer?.status === 200 ? show(answer.at, answer.body) : [];
}

/** Every status that anybody was shown is one that the log gives the task; who waited saw its end. */
export function* trueStatuses({ seen }: Evidence, histories: Histories): Generator<string> {
  for (const observation of seen) {
    for (const { call, status } of shownBy(observation)) {
      const history = histories.get(status.key);
      if (history && !history.statuses.includes(JSON.stringify(status)))
        yield `call ${call} was shown a status that task ${status.key} never had: ${JSON.stringify(status)}`;
    }
    if ('block' in observation && (observation.block || observation.kind === 'cancel'))
      for (const { call, status } of shownBy(observation))
        if (status.status !== 'success' && status.status !== 'error')
          yield `call ${call} waited for task ${status.key} and was shown ${status.status}`;
  }
}

/**
 * Who asks the same front again sees no earlier state than before. A state may look like one before it (a task
 * that was handed back is `queued` again), so each answer is taken for the earliest that it can be.
 */
export function* neverBackwards({ seen }: Evidence, histories: Histories): Generator<string> {
  const byFrontAndKey = new Map<string, Shown[]>();
  for (const shown of seen.flatMap(shownBy)) {
    const place = `${shown.front} ${shown.status.key}`;
    byFrontAndKey.set(place, [...(byFrontAndKey.get(place) ?? []), shown]);
  }
  for (const all of byFrontAndKey.values()) yield* goesForward(all, histories);
}

function* goesForward(all: readonly Shown[], histories: Histories): Generator<string> {
  const placed: { readonly at: number; readonly index: number; readonly call: number }[] = [];
  for (const { call, front, askedAt, at, status } of [...all].sort((a, b) => a.at - b.at)) {
    const statuses = histories.get(status.key)?.statuses;
    if (!statuses) continue;
    const before = placed.filter((other) => other.at <= askedAt || other.call === call);
    const lowest = Math.max(0, ...before.map(({ index }) => index));
    const index = statuses.indexOf(JSON.stringify(status), lowest);
    if (index !== -1) placed.push({ at, index, call });
    else if (statuses.includes(JSON.stringify(status)))
      yield `front ${front + 1} showed call ${call} task ${status.key} as ${status.status}, which it was before`;
  }
}

/** Who follows an account's history is told each of its events once, in the order of the log, however often it is cut off. */
export function* everyEventIsTold({ records, told, toldUpTo }: Evidence): Generator<string> {
  for (const { account, events } of told) {
    const stored = eventsIn(records)
      .filter(({ event, seq }) => event.account === account && seq <= toldUpTo)
      .map(({ seq, key, event }) => `${event.type} of ${key} at ${seq}`);
    const heard = events
      .filter(({ seq }) => seq <= toldUpTo)
      .map(({ seq, key, type }) => `${type} of ${key} at ${seq}`);
    const wrong = Array.from(stored.length > heard.length ? stored : heard).findIndex(
      (_, index) => stored[index] !== heard[index],
    );
    if (wrong !== -1)
      yield `the history of ${account} told '${heard[wrong]}' where the log has '${stored[wrong]}'`;
  }
}

/**
 * A feed begins with the list of its tasks and ends when all of them have; before a task's end it tells that
 * it ran, and after it nothing. One that was cut off has the beginning of that.
 */
export function* gaplessFeeds({ seen, struck }: Evidence, histories: Histories): Generator<string> {
  for (const feed of seen) {
    if (feed.kind !== 'feed' || feed.answer?.status !== 200 || feed.lines.length === 0) continue;
    const [first, ...rest] = feed.lines.map(({ value }) => value) as [unknown, ...SeenStatus[]];
    const listed = statusesIn(first);
    // A front that is told to stop closes its feeds in order.
    const isStopped = struck.some(
      ({ fault, at, until, target }) =>
        fault === 'stop front' &&
        target === `front-${feed.front + 1}` &&
        until >= feed.askedAt &&
        at <= feed.closedAt,
    );
    const isWhole = feed.closed === 'ended' && !isStopped;
    for (const { key } of rest.filter(({ key: told }) => !listed.some((task) => task.key === told)))
      yield `feed ${feed.call} told of task ${key}, which is not one of its own`;
    for (const task of listed) {
      const told = [task, ...rest.filter(({ key }) => key === task.key)];
      yield* isGapless(feed.call, told, isWhole, histories.get(task.key));
    }
  }
}

function* isGapless(
  call: number,
  told: readonly SeenStatus[],
  isWhole: boolean,
  history: History | undefined,
): Generator<string> {
  const [first] = told as [SeenStatus];
  const words = told.map(({ status }) => status);
  const end = words.findIndex((word) => word === 'success' || word === 'error');
  const story = `feed ${call} told of task ${first.key}: ${words.join(', ')}`;
  if (end !== -1 && end < words.length - 1) yield `${story}; it went on after the end`;
  if (isWhole && end === -1) yield `${story}; it was closed before the end`;
  const ran = history?.end?.started !== undefined;
  if (end > 0 && ran && !words.includes('executing')) yield `${story}; it did not say that the task ran`;
}
