import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { Json, Output, Source } from '../../../src/tasks/definition.ts';
import type { Lane } from '../../../src/worker/media/lanes.ts';
import { MediaPool, type MediaPoolSettings, type MediaTask } from '../../../src/worker/media/pool.ts';
import { until } from '../../support/until.ts';

export const SCRIPTED_CHILD = {
  modulePath: fileURLToPath(new URL('./scripted-child.mjs', import.meta.url)),
  args: [],
};

/** For a process to start or to end on a busy machine. */
const PATIENCE_MS = 25_000;

/** A task that was given to the pool. */
export interface Given {
  readonly progress: Json[];
  readonly outputs: Output[];
  readonly result: Promise<unknown>;
  /** What the task rejected with. */
  readonly failure: Promise<unknown>;
  /** The pid that the script reported as its first progress. */
  running(): Promise<number>;
  abort(reason: unknown): void;
}

export interface Pooling extends AsyncDisposable {
  readonly pool: MediaPool;
  readonly logged: Record<string, unknown>[];
  give(
    name: string,
    parameters?: Record<string, unknown>,
    sources?: readonly Source[],
    take?: (output: Output) => Promise<void>,
  ): Given;
  /** A task that runs until `open` is called with its name. */
  giveGated(gate: string, lane?: Lane): Given;
  open(gate: string): Promise<void>;
}

export async function startPool(settings: Partial<MediaPoolSettings> = {}): Promise<Pooling> {
  const folder = await mkdtemp(join(tmpdir(), 'wyvern-media-'));
  const logged: Record<string, unknown>[] = [];
  const logger = pino({ level: 'trace' }, { write: (line) => void logged.push(JSON.parse(line)) });
  const pool = new MediaPool({ size: 1, childCommand: SCRIPTED_CHILD, logger, ...settings });
  const give = (
    name: string,
    parameters: Record<string, unknown> = {},
    sources: readonly Source[] = [],
    take: (output: Output) => Promise<void> = async () => {},
    lane: Lane = 'quick',
  ) => giveTo(pool, name, parameters, sources, take, lane);
  return {
    pool,
    logged,
    give,
    giveGated: (gate, lane) => give('waitForFile', { path: join(folder, gate) }, [], undefined, lane),
    open: (gate) => writeFile(join(folder, gate), ''),
    async [Symbol.asyncDispose]() {
      await pool.close();
      await rm(folder, { recursive: true });
    },
  };
}

export const runIn = async (pool: MediaPool, task: MediaTask, lane: Lane = 'quick'): Promise<unknown> =>
  (await pool.lend(lane, task.signal)).run(task);

function giveTo(
  pool: MediaPool,
  name: string,
  parameters: Record<string, unknown>,
  sources: readonly Source[],
  take: (output: Output) => Promise<void>,
  lane: Lane,
): Given {
  const controller = new AbortController();
  const progress: Json[] = [];
  const outputs: Output[] = [];
  const task: MediaTask = {
    name,
    parameters,
    sources,
    signal: controller.signal,
    onProgress: (value) => progress.push(value),
    onOutput: (output) => {
      outputs.push(output);
      return take(output);
    },
  };
  const result = runIn(pool, task, lane);
  const failure = result.then(
    (value) => Promise.reject(new Error(`did not fail: ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  );
  // A test looks at one of the two, after the fact.
  for (const promise of [result, failure]) promise.catch(() => {});
  return {
    progress,
    outputs,
    result,
    failure,
    running: () => until(() => progress[0] as number | undefined, PATIENCE_MS),
    abort: (reason) => controller.abort(reason),
  };
}

/** Whether a process that is or was a child of this one's is still there; a reaped one is not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const gone = (pid: number): Promise<true> =>
  until(() => (isAlive(pid) ? undefined : true), PATIENCE_MS);
