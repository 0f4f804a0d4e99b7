import type { Queued, TaskEvent } from '../../../actors/event.ts';
import { replayTask } from '../../../actors/task.ts';
import { hashOf } from '../../../src/log/envelope.ts';
import type { Evidence, History } from '../evidence.ts';

type Histories = ReadonlyMap<string, History>;

/** No task has two ends, whatever died. */
export function* oneEnd(_: Evidence, histories: Histories): Generator<string> {
  for (const { key, ends } of histories.values())
    if (ends.length > 1)
      yield `task ${key} ended ${ends.length} times: ${ends.map(({ seq, event }) => `${event.type} at ${seq}`).join(', ')}`;
}

/** When the faults are over, every task comes to its end. */
export function* everyTaskEnds(_: Evidence, histories: Histories): Generator<string> {
  for (const { key, ends, events } of histories.values())
    if (ends.length === 0)
      yield `task ${key} is still open; its events: ${events.map(({ event }) => event.type).join(', ')}`;
}

/** The log has no hole and no event twice; each history is one that the task machine walks, with
 * attempts counted from 1, and each of its events names one before it. */
export function* legalHistories({ records }: Evidence, histories: Histories): Generator<string> {
  for (const [index, { seq }] of records.entries())
    if (seq !== index + 1) {
      yield `the log has ${seq} where ${index + 1} should be`;
      break;
    }
  for (const history of histories.values()) {
    yield* isLegal(history);
    const hashes = new Set<string>();
    for (const { prev, bytes, seq, event } of history.events) {
      if (event.type !== 'queued' && !(prev && hashes.has(prev)))
        yield `event ${seq} of task ${history.key} does not name an event before it`;
      hashes.add(hashOf(bytes));
    }
    const ids = history.events.map(({ id }) => id);
    if (new Set(ids).size < ids.length) yield `task ${history.key} has an event twice`;
  }
}

function* isLegal({ key, events, end }: History): Generator<string> {
  const [first, ...rest] = events.map(({ event }) => event) as [TaskEvent, ...TaskEvent[]];
  if (first.type !== 'queued' || rest.some(({ type }) => type === 'queued'))
    return yield `task ${key} was not queued once, before anything else happened to it`;
  const attempts = rest.flatMap((event) => (event.type === 'started' ? [event.attempt] : []));
  if (attempts.some((attempt, index) => attempt !== index + 1))
    yield `the attempts of task ${key} were started as ${attempts.join(', ')}`;
  const machine = replayTask([first as Queued, ...rest]).getSnapshot();
  if (end && machine.value !== end.status)
    yield `task ${key} ended in ${end.status}, for the task machine in ${String(machine.value)}`;
}
