import { NOT_CARRIED_OUT } from '../../../src/log/jetstream/torn-batch.ts';
import type { Evidence, History } from '../evidence.ts';
import { type Observation, type SeenCreate, type SeenStatus, statusesIn } from '../observations.ts';

const isCreate = (seen: Observation): seen is SeenCreate => seen.kind === 'create';

const isAnswered = ({ answer }: SeenCreate): boolean => answer?.status === 200;

/** What was answered 200 is in the log, as it was sent, and is found by whoever asks for it. */
export function* nothingIsLost(
  { seen }: Evidence,
  histories: ReadonlyMap<string, History>,
): Generator<string> {
  for (const create of seen.filter(isCreate).filter(isAnswered)) {
    const created = statusesIn(create.answer?.body);
    if (created.length !== create.tasks.length)
      yield `call ${create.call} created ${create.tasks.length} tasks and was answered with ${created.length}`;
    for (const [index, { key }] of created.entries()) yield* isStored(create, index, key, histories.get(key));
  }
  for (const { kind, call, front, answer } of seen)
    if ((kind === 'status' || kind === 'cancel' || kind === 'feed') && answer?.status === 404)
      yield `call ${call} was told by front ${front + 1} that there is no such task: ${JSON.stringify(answer.body)}`;
}

function* isStored(
  { call, account, request, tasks }: SeenCreate,
  index: number,
  key: string,
  history: History | undefined,
): Generator<string> {
  const queued = history?.events.find(({ event }) => event.type === 'queued')?.event;
  if (queued?.type !== 'queued')
    return yield `task ${key}, which call ${call} was told of, is not in the log`;
  const sent = { account, task: tasks[index], task_metas: { request, index } };
  const { account: owner, task, task_metas } = queued;
  if (JSON.stringify({ account: owner, task, task_metas }) !== JSON.stringify(sent))
    yield `task ${key} of call ${call} is in the log as something else: ${JSON.stringify(queued)}`;
}

/**
 * Of a request's tasks the log has all, each once, however often it was repeated, or none; none if it was refused. What a
 * power failure left of one that nobody had an answer to counts for nothing, and has been ended.
 */
export function* allOrNothing(
  { seen }: Evidence,
  histories: ReadonlyMap<string, History>,
): Generator<string> {
  const stored = new Map<number, History[]>();
  for (const history of histories.values())
    if (history.request !== undefined && !isTorn(history))
      stored.set(history.request, [...(stored.get(history.request) ?? []), history]);
  for (const [request, calls] of byRequest(seen)) {
    const { tasks } = calls[0] as SeenCreate;
    const count = stored.get(request)?.length ?? 0;
    if (count !== 0 && count !== tasks.length)
      yield `request ${request} had ${tasks.length} tasks, ${count} are in the log`;
    if (count === 0 && calls.some(isAnswered))
      yield `request ${request} was answered, and was not carried out`;
    const isRefused = calls.every(({ answer }) => answer && answer.status >= 400 && answer.status < 500);
    if (isRefused && count > 0) yield `request ${request} was refused, and yet ${count} tasks are in the log`;
  }
}

const isTorn = ({ events }: History): boolean =>
  events.some(({ event }) => event.type === 'failed' && event.error === NOT_CARRIED_OUT);

/** Every answer to a request that is repeated under an Idempotency-Key names the same tasks. */
export function* oneAnswerAKey({ seen }: Evidence): Generator<string> {
  for (const [request, calls] of byRequest(seen)) {
    const answers = calls.filter(isAnswered).map(({ answer }) =>
      statusesIn(answer?.body)
        .map(({ key }: SeenStatus) => key)
        .join(' '),
    );
    if (new Set(answers).size > 1)
      yield `request ${request} was answered with different tasks: ${answers.join(', ')}`;
  }
}

function byRequest(seen: readonly Observation[]): Map<number, SeenCreate[]> {
  const requests = new Map<number, SeenCreate[]>();
  for (const create of seen.filter(isCreate))
    requests.set(create.request, [...(requests.get(create.request) ?? []), create]);
  return requests;
}
