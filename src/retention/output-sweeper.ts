import { setTimeout as delay } from 'node:timers/promises';
import { timeOf } from '../log/key.ts';
import { type EventLog, UnreadableHistory } from '../log/log.ts';
import { readableOutlines } from '../log/readable-outlines.ts';
import type { Logger } from '../logger.ts';
import { fold, isEnded, type TaskState } from '../projection/state.ts';
import { Recent } from '../recent.ts';
import { type OutputPath, SHARDS, type Storage } from '../storage/storage.ts';

/** Why something was removed: its task has left the log; its task ended without it; it was never finished. */
export type Reason = 'task_gone' | 'not_in_the_end' | 'unfinished';

/** What was found and done. */
export interface Swept {
  /** Outputs that were looked at. */
  readonly outputs: number;
  readonly removed: Readonly<Record<Reason, number>>;
  /** Of what was removed, without what was unfinished. */
  readonly bytes: number;
}

export interface SweeperParts {
  readonly log: Pick<EventLog, 'outlines' | 'history' | 'madeAt'>;
  readonly storage: Pick<Storage, 'open' | 'remove' | 'list' | 'removeUnfinished'>;
  readonly logger: Logger;
  /** Told of each shard. */
  onShard?(swept: Swept): void;
  /** Told of each round: all shards, one after the other. */
  onRound?(swept: Swept): void;
}

export interface SweeperSettings {
  /** How long a round may take; the shards are spread over it. */
  readonly roundMs: number;
  /** Nothing younger is touched. */
  readonly marginMs: number;
  /** How long the log keeps a task at most. */
  readonly retentionMs: number;
}

/** What the log says of the tasks of some outputs: how those stand that are in it, and the keys of those that cannot be read. */
interface States {
  readonly states: ReadonlyMap<string, TaskState>;
  readonly unreadable: ReadonlySet<string>;
}

/** Tasks that the log is asked for at once. */
const AT_ONCE = 100;
/** Tasks that cannot be read of which it is remembered that they have been told of. */
const TOLD_AT_MOST = 10_000;

/**
 * Holds the store to the log: an output stays as long as its task is open, or has ended with it, and is in the log.
 * What the log does not know any more, what belongs to an attempt that did not win, and what a dead put left behind
 * is removed. The outputs of a task of which the log has an event that cannot be read are left alone.
 *
 * Nothing but what has been told is remembered between rounds, so the next round finds whatever there is, whoever stored it and
 * whoever died. Several sweepers may run at once; each removal may be done twice. A round over half
 * a million outputs took 11 s of this process's CPU and 15 s of the server's.
 *
 * A round waits between its shards, as long as each took at least; `stop` ends it at the next one.
 */
export class OutputSweeper {
  readonly #parts: SweeperParts;
  readonly #settings: SweeperSettings;
  readonly #stop = new AbortController();
  readonly #told = new Recent<true>(TOLD_AT_MOST, Number.POSITIVE_INFINITY);
  #running: Promise<void> | undefined;

  constructor(parts: SweeperParts, settings: SweeperSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  /** Sweeps round after round. Begins anywhere, so that fronts that start together do not do the same together. */
  start(): void {
    const first = Math.floor(Math.random() * SHARDS.length);
    this.#running ??= this.#run([...SHARDS.slice(first), ...SHARDS.slice(0, first)]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(shards: readonly string[]): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const startedAt = performance.now();
      let round = NOTHING;
      let failures = 0;
      for (const shard of shards) {
        const shardAt = performance.now();
        const swept = await this.#trySweep(shard, failures > 0);
        if (swept) round = sum(round, swept);
        else failures += 1;
        const tookMs = performance.now() - shardAt;
        const waitMs = Math.max(tookMs, this.#settings.roundMs / shards.length - tookMs);
        await delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
        if (signal.aborted) return;
      }
      this.#tellRound(round, failures, performance.now() - startedAt);
    }
  }

  /** Undefined if the log or the store did not answer. The first time in a round it says so. */
  async #trySweep(shard: string, isKnown: boolean): Promise<Swept | undefined> {
    try {
      const swept = await this.sweep(shard);
      this.#parts.onShard?.(swept);
      return swept;
    } catch (error) {
      if (!isKnown) this.#parts.logger.warn({ err: error, shard }, 'could not sweep a part of the store');
      return undefined;
    }
  }

  /** Sweeps one shard now. Rejects with `StorageFailure` or `LogUnavailable`; what was not reached stays. */
  async sweep(shard: string): Promise<Swept> {
    const { storage } = this.#parts;
    const before = new Date(Date.now() - this.#settings.marginMs);
    const unfinished = await storage.removeUnfinished(shard, before);
    const paths = await storage.list(shard);
    const removed = { task_gone: 0, not_in_the_end: 0, unfinished };
    let bytes = 0;
    for (const [path, reason] of await this.#surplus(paths)) {
      const size = await this.#removeOld(path, before);
      if (size === undefined) continue;
      removed[reason] += 1;
      bytes += size;
    }
    return { outputs: paths.length, removed, bytes };
  }

  /** The outputs that nobody can ask for any more, and why. */
  async #surplus(paths: readonly OutputPath[]): Promise<[OutputPath, Exclude<Reason, 'unfinished'>][]> {
    const { states, unreadable } = await this.#statesOf([...new Set(paths.map(({ key }) => key))]);
    const surplus: [OutputPath, Exclude<Reason, 'unfinished'>][] = [];
    for (const path of paths) {
      if (unreadable.has(path.key)) continue;
      const state = states.get(path.key);
      if (state === undefined) {
        if (await this.#isGone(path.key)) surplus.push([path, 'task_gone']);
      } else if (isEnded(state) && !hasOutput(state, path)) surplus.push([path, 'not_in_the_end']);
    }
    return surplus;
  }

  async #statesOf(keys: readonly string[]): Promise<States> {
    const states = new Map<string, TaskState>();
    const unreadable = new Set<string>();
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      const outlines = await readableOutlines(this.#parts.log, keys.slice(at, at + AT_ONCE));
      for (const event of outlines.events) {
        const state = fold(states.get(event.key), event);
        if (state) states.set(event.key, state);
      }
      for (const [key, error] of outlines.unreadable) {
        this.#tellUnreadable(key, error);
        unreadable.add(key);
      }
    }
    return { states, unreadable };
  }

  #tellUnreadable(key: string, error: UnreadableHistory): void {
    if (this.#told.get(key)) return;
    this.#told.set(key, true, 0);
    this.#parts.logger.error({ key, err: error }, 'cannot tell whether the outputs of a task are needed');
  }

  /**
   * Asked once more, because outlines may be those of a replica that lags. A task from before this log was made is
   * another log's: perhaps this process was pointed at the wrong server, so its outputs stay until that log too would
   * have let it go.
   */
  async #isGone(key: string): Promise<boolean> {
    const { log } = this.#parts;
    const isForeign = timeOf(key) < (await log.madeAt()).getTime();
    if (isForeign && timeOf(key) > Date.now() - this.#settings.retentionMs) return false;
    try {
      const [first] = await log.history(key);
      return first?.event.type !== 'queued';
    } catch (error) {
      if (!(error instanceof UnreadableHistory)) throw error;
      this.#tellUnreadable(key, error);
      return false;
    }
  }

  /** Resolves with the size; undefined if it is young, or gone already. */
  async #removeOld(path: OutputPath, before: Date): Promise<number | undefined> {
    const file = await this.#parts.storage.open(path);
    if (!file) return undefined;
    await file.close();
    if (file.modifiedAt >= before) return undefined;
    await this.#parts.storage.remove(path);
    return file.bytes;
  }

  #tellRound(round: Swept, failures: number, tookMs: number): void {
    const { logger, onRound } = this.#parts;
    if (failures === 0) onRound?.(round);
    const removedAny = Object.values(round.removed).some((count) => count > 0);
    const line = { ...round, failures, seconds: Math.round(tookMs / 1_000) };
    if (removedAny || failures > 0) logger.info(line, 'swept the outputs');
    else logger.debug(line, 'swept the outputs');
  }
}

const hasOutput = ({ outputs }: TaskState, { attempt, file }: OutputPath): boolean =>
  outputs.some((output) => output.attempt === attempt && output.file === file);

const NOTHING: Swept = {
  outputs: 0,
  removed: { task_gone: 0, not_in_the_end: 0, unfinished: 0 },
  bytes: 0,
};

const sum = (a: Swept, b: Swept): Swept => ({
  outputs: a.outputs + b.outputs,
  removed: {
    task_gone: a.removed.task_gone + b.removed.task_gone,
    not_in_the_end: a.removed.not_in_the_end + b.removed.not_in_the_end,
    unfinished: a.removed.unfinished + b.removed.unfinished,
  },
  bytes: a.bytes + b.bytes,
});
