import type { Evidence, History } from '../evidence.ts';
import { statusesIn } from '../observations.ts';

type Histories = ReadonlyMap<string, History>;

/** What is served as a task's file was made by the attempt that ended it. */
export function* onlyTheWinnersOutputs({ seen }: Evidence, histories: Histories): Generator<string> {
  for (const { key, end, ends } of histories.values()) {
    const winner = ends[0]?.event;
    if (end && winner?.type === 'completed' && end.outputs.some(({ attempt }) => attempt !== winner.attempt))
      yield `task ${key} was ended by attempt ${winner.attempt} with the outputs of another`;
  }
  for (const file of seen) {
    if (file.kind !== 'file' || file.answer?.status !== 200) continue;
    const outputs = histories.get(file.key)?.end?.outputs ?? [];
    if (!outputs.some(({ sha256 }) => sha256 === file.sha256))
      yield `call ${file.call} got a file of task ${file.key} that its end does not name`;
  }
}

/** When all has ended, every file that an end names can be had, at every front. */
export function* everyOutputIsThere({ seen }: Evidence, histories: Histories): Generator<string> {
  const had = new Set<string>();
  for (const file of seen)
    if (file.kind === 'file' && file.answer?.status === 200) had.add(`${file.key} ${file.front}`);
  const fronts = new Set(seen.map(({ front }) => front));
  for (const { key, end } of histories.values())
    for (const front of fronts)
      if (end && end.outputs.length > 0 && !had.has(`${key} ${front}`))
        yield `the output of task ${key} could not be had at front ${front + 1}`;
}

/** Who was told that a task is canceled finds that end in the log. */
export function* canceledIsCanceled({ seen }: Evidence, histories: Histories): Generator<string> {
  for (const { kind, call, answer } of seen) {
    if (kind !== 'cancel' || answer?.status !== 200) continue;
    for (const { key, result } of statusesIn(answer.body)) {
      const end = histories.get(key)?.ends[0]?.event.type;
      if ((result === 'canceled') !== (end === 'canceled'))
        yield `call ${call} was told that task ${key} came to ${JSON.stringify(result)}; in the log it is ${end}`;
    }
  }
}

/** When all tasks have ended, an account may have as many open as its limit says, and not one more. */
export function* countsEndAtZero({ probes }: Evidence): Generator<string> {
  for (const { front, account, full, overfull } of probes) {
    if (full !== 200) yield `front ${front + 1} refused ${account} its full number of tasks: ${full}`;
    else if (overfull !== 401) yield `front ${front + 1} let ${account} pass its limit: ${overfull}`;
  }
}

/** No answer but those that the contract has. */
export function* noSurprises({ seen }: Evidence): Generator<string> {
  for (const { kind, call, front, answer } of seen)
    if (answer && !EXPECTED.has(answer.status) && !(kind === 'file' && FILE_EXPECTED.has(answer.status)))
      yield `call ${call} (${kind}) was answered ${answer.status} by front ${front + 1}: ${JSON.stringify(answer.body)}`;
}

/** 401: the limit of open tasks. 404 is judged as a loss. */
const EXPECTED = new Set([200, 401, 404, 503]);
/** A task that failed has no file. */
const FILE_EXPECTED = new Set([400]);
