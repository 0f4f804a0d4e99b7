import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptEffects } from '../../actors/attempt.ts';
import type { StoredOutput } from '../../actors/event.ts';
import { TaskFailure } from '../../actors/failure.ts';
import type { Storage } from '../storage/storage.ts';
import type { Output, Source, TaskDefinition } from '../tasks/definition.ts';
import type { MediaPool } from './media/pool.ts';
import type { OwnFiles } from './own-files.ts';
import type { ProgressReports } from './progress.ts';
import type { Fetcher } from './source/fetcher.ts';

export interface EffectParts {
  readonly fetcher: Fetcher;
  readonly ownFiles: OwnFiles;
  readonly media: MediaPool;
  readonly storage: Storage;
  /** A folder for sources while they are worked on. */
  readonly spoolFolder: string;
}

interface Work {
  readonly definition: TaskDefinition;
  readonly parameters: Record<string, unknown>;
  readonly key: string;
  readonly attempt: number;
  readonly progress: ProgressReports;
}

interface Ran {
  readonly result: unknown;
  readonly outputs: readonly Output[];
}

/** Milliseconds spent in each phase. */
interface Spent {
  fetching: number;
  running: number;
  storing: number;
}

export type WorkEffects = Omit<AttemptEffects<readonly Source[], Ran>, 'report'> & {
  readonly spent: Spent;
  /** Removes what was spooled. */
  cleanUp(): Promise<void>;
};

/** What one attempt does to the world: fetch the sources, run the definition, store the outputs. */
export function createEffects(parts: EffectParts, work: Work): WorkEffects {
  const { key, attempt } = work;
  const folder = join(parts.spoolFolder, `${key}-${attempt}`);
  const spent: Spent = { fetching: 0, running: 0, storing: 0 };
  const timed = async <T>(phase: keyof Spent, effect: Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await effect;
    } finally {
      spent[phase] = Math.round((performance.now() - startedAt) * 1_000) / 1_000;
    }
  };
  const urls = work.definition.sources(work.parameters);
  return {
    spent,
    fetch: (signal) => timed('fetching', fetchAll(parts, urls, folder, signal)),
    run: (sources = [], signal) => timed('running', run(parts, work, sources, signal)),
    store: ({ result, outputs }) =>
      timed(
        'storing',
        store(parts.storage, key, attempt, outputs).then((stored) => ({ result, outputs: stored })),
      ),
    cleanUp: async () => {
      if (urls.length > 0) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function fetchAll(
  { fetcher, ownFiles }: EffectParts,
  urls: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<readonly Source[]> {
  if (urls.length === 0) return [];
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const fetchOne = async (url: string, index: number): Promise<Source> => {
    const own = join(folder, String(index));
    await mkdir(own, { recursive: true });
    return (await ownFiles.read(url, own)) ?? fetcher.fetch(url, own, either);
  };
  try {
    return await Promise.all(urls.map(fetchOne));
  } finally {
    // The first failure decides; the others need not go on.
    stop.abort();
  }
}

async function run(
  { media }: EffectParts,
  { definition, parameters, progress }: Work,
  sources: readonly Source[],
  signal: AbortSignal,
): Promise<Ran> {
  const outputs: Output[] = [];
  const onOutput = (output: Output): void => void outputs.push(output);
  const onProgress = progress.report.bind(progress);
  if (definition.place === 'media') {
    const result = await media.run({
      name: definition.name,
      parameters,
      sources,
      signal,
      onProgress,
      onOutput,
    });
    return { result, outputs };
  }
  const result = await definition.run(parameters, {
    sources,
    signal,
    progress: onProgress,
    output: async (output) => onOutput(output),
  });
  return { result, outputs };
}

/** Every output is durable before the task is said to be done. */
async function store(
  storage: Storage,
  key: string,
  attempt: number,
  outputs: readonly Output[],
): Promise<readonly StoredOutput[]> {
  return Promise.all(
    outputs.map(async ({ name, extension, contentType, data }) => {
      const file = `${name}.${extension}`;
      try {
        await storage.put({ key, attempt, file }, data);
      } catch (cause) {
        throw new TaskFailure('the output could not be stored', { passing: true, cause });
      }
      const sha256 = createHash('sha256').update(data).digest('hex');
      return { name, attempt, file, content_type: contentType, bytes: data.byteLength, sha256 };
    }),
  );
}
