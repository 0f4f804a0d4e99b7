import { setTimeout as delay } from 'node:timers/promises';
import type { Queued, TaskEvent } from '../../actors/event.ts';
import { replayTask } from '../../actors/task.ts';
import type { StoredEvent } from '../log/envelope.ts';
import { DAY_MS } from '../log/event-date.ts';
import type { EventLog } from '../log/log.ts';
import type { Loss } from '../log/reading.ts';
import type { OutputReader } from '../storage/storage.ts';
import { exportRecords } from './export.ts';
import { heldFrom } from './held-from.ts';
import { canBeLate, LateFinder } from './late-finder.ts';
import { humanLine, illegalJson, illegalLine, jsonLine, summaryLine } from './lines.ts';
import { isPartlyLost, isWhollyLost } from './losses.ts';
import type { ReplayOptions } from './options.ts';
import { outputProblem } from './outputs.ts';
import { type Range, rangeOf } from './range.ts';
import { Verifier } from './verifier.ts';

export interface ReplayParts {
  readonly log: EventLog;
  readonly storage: () => Promise<OutputReader>;
  /** Resolves when there is room for more. */
  readonly write: (line: string) => Promise<void>;
  /** How far it has come, for who waits. */
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Why a reading ends early, as the reason of its signal: nobody reads on, or somebody has broken it off. */
export const READ_ENOUGH = 'read enough';
export const BROKEN_OFF = 'broken off';

/** Resolves with the exit code: 1 if anything is illegal, or not there. Rejects with `LogUnavailable`. */
export async function replay(parts: ReplayParts, options: ReplayOptions): Promise<number> {
  if (options.state) return showState(parts, options);
  const range = await rangeOf(parts.log, options);
  switch (options.mode) {
    case 'verify':
      return verify(parts, options, range);
    case 'export':
      return exportRecords(parts, options, range);
    default:
      return show(parts, options, range);
  }
}

async function show(parts: ReplayParts, options: ReplayOptions, range: Range): Promise<number> {
  const { log, signal, write, progress } = parts;
  const line = options.json ? jsonLine : humanLine;
  const through = options.follow ? undefined : range.through;
  const pace = options.speed === undefined ? undefined : pacer(options.speed, signal);
  const { tasks: keys, types } = options;
  // What is late is told by the other events, so they are read too.
  const late = canBeLate(types) ? new LateFinder(log) : undefined;
  const reading = { after: range.after, through, keys, types: late ? undefined : types, signal };
  for await (const page of log.read(reading)) {
    const lateOnes = await late?.among(page.entries);
    for (const entry of page.entries) {
      if ('type' in entry && types && !types.includes(entry.type)) continue;
      if ('account' in entry && options.account !== undefined && entry.account !== options.account) continue;
      // What an account asks for is its own events; whose this was cannot be told.
      if ('unreadable' in entry && options.account !== undefined) continue;
      if ('at' in entry) await pace?.(entry.at);
      if (signal.aborted) return codeOf(signal, options);
      await write(line(entry, lateOnes?.has(entry) ?? false));
    }
    progress(page.through - range.after, range.through - range.after);
  }
  return codeOf(signal, options);
}

/** What follows has no other end than to be broken off. */
const codeOf = ({ reason }: AbortSignal, { follow }: ReplayOptions): number =>
  reason === BROKEN_OFF && !follow ? 130 : 0;

/** Waits as long as had passed between the events, divided by `speed`. */
function pacer(speed: number, signal: AbortSignal): (at: string) => Promise<void> {
  let begin: { readonly at: number; readonly now: number } | undefined;
  return async (at) => {
    begin ??= { at: Date.parse(at), now: performance.now() };
    const due = begin.now + (Date.parse(at) - begin.at) / speed;
    // A timer holds at most 24 days.
    for (let left = due - performance.now(); left > 0 && !signal.aborted; left = due - performance.now())
      await delay(Math.min(left, DAY_MS), undefined, { signal }).catch(() => {});
  };
}

async function showState({ log, write }: ReplayParts, { state, json }: ReplayOptions): Promise<number> {
  const { key, seq } = state as NonNullable<ReplayOptions['state']>;
  const history = await log.fullHistory(key, { through: seq });
  const [first, ...rest] = history.map(({ event }) => event);
  if (first?.type !== 'queued') {
    const missing = first
      ? 'the log has let go of its beginning'
      : `the log knows no such task${seq === undefined ? '' : ' then'}`;
    await write(JSON.stringify({ key, error: missing }));
    return 1;
  }
  const actor = replayTask([first as Queued, ...(rest as TaskEvent[])]);
  const { status, value, context } = actor.getSnapshot();
  const shown = { key, seq: history.at(-1)?.seq, status, value, context };
  await write(JSON.stringify(shown, undefined, json ? undefined : 2));
  return 0;
}

async function verify(parts: ReplayParts, options: ReplayOptions, range: Range): Promise<number> {
  const { log, signal, write, progress } = parts;
  const isPart = await log.isPart();
  const lost = await log.lost();
  const lines: string[] = [];
  const storage = options.skipOutputs ? undefined : await parts.storage();
  const verifier = new Verifier({
    log,
    signal,
    beginsLate: (await log.extent()).first > 1 || range.after > 0,
    isWanted: ({ event }) => options.account === undefined || event.account === options.account,
    tell: (illegal) => void lines.push(options.json ? illegalJson(illegal) : illegalLine(illegal)),
    ended: (stored) => (storage && hasOutputs(stored.event) ? checkOutputs(storage, stored) : undefined),
  });
  const checkOutputs = async (of: OutputReader, { key, seq, event }: StoredEvent): Promise<void> => {
    for (const output of event.type === 'completed' ? event.outputs : []) {
      const description = await outputProblem(log, of, key, output);
      if (description) verifier.tell({ seq, key, kind: 'output', description });
    }
  };
  const noteGap = async (gap: Loss): Promise<void> => {
    // What was not exported with this part of a log is other tasks'.
    if (isPart && !isPartlyLost(lost, gap)) return;
    // A reading of chosen tasks has gaps only where the log has let go of something.
    const isExcused = isPart || options.tasks !== undefined || isWhollyLost(lost, gap);
    verifier.gap(gap.from, gap.to, isExcused || (await heldFrom(log, signal)) > gap.to);
  };
  for await (const { entries, through } of log.readRecords({ ...range, keys: options.tasks, signal })) {
    for (const entry of entries) {
      const waiting = 'gap' in entry ? noteGap(entry.gap) : verifier.judge(entry);
      if (waiting) await waiting;
      if (lines.length > 0) for (const line of lines.splice(0)) await write(line);
    }
    progress(through - range.after, range.through - range.after);
  }
  const summary = verifier.summary();
  await write(options.json ? JSON.stringify(summary) : summaryLine(summary));
  if (signal.aborted) return 130;
  return summary.illegal > 0 ? 1 : 0;
}

const hasOutputs = (event: TaskEvent): boolean => event.type === 'completed' && event.outputs.length > 0;
