import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstreamManager, type StreamState } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type RawRecord, readRawLog } from '../support/raw-log.ts';
import { until } from '../support/until.ts';
import { Caller } from './caller.ts';
import { check, type Violation } from './checker.ts';
import type { Account } from './deployment.ts';
import { type Evidence, eventsIn } from './evidence.ts';
import { FAULTS, type FaultName } from './faults.ts';
import { type Figures, figuresOf } from './figures.ts';
import { HistoryReader } from './history-reader.ts';
import { probeLimits } from './limits.ts';
import type { Struck } from './observations.ts';
import { Random } from './random.ts';
import { planFaults } from './schedule.ts';
import { Stage } from './stage.ts';
import { strikeAll } from './strike.ts';
import { Workload } from './workload.ts';

export interface RunOptions {
  readonly seed: string;
  /** How long clients ask and faults strike. */
  readonly durationMs: number;
  readonly isCluster: boolean;
  readonly faults: readonly FaultName[];
  readonly clients: number;
  readonly sync: 'always' | '1s';
  /** Gets what the processes said, and the evidence. */
  readonly folder: string;
  say(line: string): void;
}

export interface RunReport {
  readonly struck: readonly Struck[];
  /** Faults that the machine does not allow, and why. */
  readonly skipped: readonly string[];
  readonly violations: readonly Violation[];
  readonly figures: Figures;
}

/** More than the workload has open at once, so that it is rarely refused. */
const ACTIVE_TASKS = 500;
const ACCOUNTS: readonly Account[] = ['acme', 'globex'].map((name) => ({
  name,
  secret: `the secret of ${name} in the fault suite`,
  activeTasks: ACTIVE_TASKS,
}));
/** A task may be at its third attempt, after two leases and their backoff, when the faults are over. */
const SETTLE_MS = 90_000;

/** One run: the service under load while faults strike, then silence, then the questions. */
export async function run(options: RunOptions): Promise<RunReport> {
  const { seed, durationMs, folder, say } = options;
  const random = new Random(seed);
  await using stage = await Stage.set({ ...options, accounts: ACCOUNTS, random: random.fork('origin') });
  const { deployment, connection, skipped } = stage;
  const startedAt = performance.now();
  const now = () => Math.round(performance.now() - startedAt);
  const caller = new Caller(deployment.fronts, now);
  const readers = ACCOUNTS.map((account) => new HistoryReader(account, deployment.fronts));
  const struck = await strikeUnderLoad(options, stage, { caller, readers }, random, now);
  await deployment.untilReady();
  await untilAllEnded(connection).catch(() => say('not every task has ended in time'));
  const ofWorkload = await readRawLog(connection);
  await askAtTheEnd(caller, deployment.fronts.length, ofWorkload);
  for (const reader of readers) await reader.finish();
  const probes = await probeLimits(deployment.fronts, ACCOUNTS);
  await untilAllEnded(connection).catch(() => {});
  const records = await readRawLog(connection);
  const evidence: Evidence = {
    ...{ records, seen: caller.seen, probes, struck, publicUrl: deployment.publicUrl },
    told: readers.map(({ account, told }) => ({ account: account.name, events: told })),
    toldUpTo: ofWorkload.at(-1)?.seq ?? 0,
  };
  await writeFile(join(folder, 'evidence.json'), JSON.stringify({ seed, durationMs, ...evidence }));
  return { struck, skipped, violations: check(evidence), figures: figuresOf(ofWorkload, caller.seen) };
}

async function strikeUnderLoad(
  { faults, durationMs, clients, say }: RunOptions,
  stage: Stage,
  { caller, readers }: { readonly caller: Caller; readonly readers: readonly HistoryReader[] },
  random: Random,
  now: () => number,
): Promise<Struck[]> {
  const possible = faults.filter((name) => FAULTS[name].isPossible(stage));
  const planned = planFaults(possible, durationMs, random.fork('faults'));
  const workload = new Workload({
    ...{ caller, accounts: ACCOUNTS, originUrl: stage.origin.url, clients },
    ...{ random: random.fork('workload'), fronts: stage.deployment.fronts.length },
  });
  const stop = new AbortController();
  const following = readers.map((reader) => reader.follow(stop.signal));
  const loaded = workload.run(stop.signal);
  const struck = await strikeAll(planned, stage, random.fork('targets'), now, say);
  await delay(Math.max(0, durationMs - now()));
  stop.abort();
  await Promise.all([loaded, ...following]);
  return struck;
}

/** Resolves when the log has an end for everything that was queued. */
async function untilAllEnded(connection: NatsConnection): Promise<void> {
  const count = async (kind: string): Promise<number> => {
    const { subjects = {} } = await logState(connection, `task.${kind}.>`);
    return Object.keys(subjects).length;
  };
  await until(async () => {
    const [queued, done] = await Promise.all([count('queued'), count('done')]);
    return done >= queued;
  }, SETTLE_MS);
}

async function logState(connection: NatsConnection, subjects_filter?: string): Promise<StreamState> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  return (await manager.streams.info('TASKS', subjects_filter ? { subjects_filter } : undefined)).state;
}

/** How many statuses are asked for at once. */
const STATUSES = 100;

/** Asks every front for the status and the file of every task in the log, also of those that nobody was told of. */
async function askAtTheEnd(caller: Caller, fronts: number, records: readonly RawRecord[]): Promise<void> {
  for (const account of ACCOUNTS) {
    const own = eventsIn(records).filter(({ event }) => event.account === account.name);
    const keys = [...new Set(own.map(({ key }) => key))];
    for (let front = 0; front < fronts; front++)
      for (let at = 0; at < keys.length; at += STATUSES) {
        const statuses = await caller.statuses(account, front, keys.slice(at, at + STATUSES));
        const made = statuses.filter(({ status, result }) => status === 'success' && isWithFile(result));
        await Promise.all(made.map(({ key }) => caller.file(account, front, key)));
      }
  }
}

const isWithFile = (result: unknown): boolean =>
  typeof result === 'object' && result !== null && 'output' in result;
