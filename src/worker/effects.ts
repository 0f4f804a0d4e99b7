import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptEffects } from '../../actors/attempt.ts';
import type { Storage } from '../storage/storage.ts';
import type { Source, TaskDefinition } from '../tasks/definition.ts';
import type { MediaPlace, MediaPool } from './media/pool.ts';
import { Outputs } from './outputs.ts';
import type { OwnFiles } from './own-files.ts';
import type { ProgressReports } from './progress.ts';
import type { Fetcher } from './source/fetcher.ts';
import { type FetchOne, fetchSources } from './source/sources.ts';

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

/** Milliseconds spent in each phase. */
interface Spent {
  fetching: number;
  running: number;
  storing: number;
}

export type WorkEffects = Omit<AttemptEffects<readonly Source[]>, 'report'> & {
  readonly spent: Spent;
  /** Removes what was spooled, and gives back a place that was not used. */
  cleanUp(): Promise<void>;
};

/**
 * What one attempt does to the world: fetch the sources, run the definition, store the outputs. What a task makes is
 * stored while it makes more; the phase of storing is for what is still on its way when it has made all.
 */
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
  const fetchOne: FetchOne = async (url, own, signal) =>
    (await parts.ownFiles.read(url, own)) ?? parts.fetcher.fetch(url, own, signal);
  let place: MediaPlace | undefined;
  const outputs = new Outputs(parts.storage, { key, attempt }, (output) => work.progress.announce(output));
  return {
    spent,
    fetch: (signal) => timed('fetching', fetchSources(urls, folder, fetchOne, signal)),
    wait: async (signal) => {
      const entered = await parts.media.enter(signal);
      if (signal.aborted) entered.leave();
      else place = entered;
    },
    run: async (sources = [], signal) => {
      const result = await timed('running', run(work, place, { sources, signal, outputs }));
      return { result, outputs: outputs.count };
    },
    store: async ({ result }) => ({ result, outputs: await timed('storing', outputs.all()) }),
    cleanUp: async () => {
      place?.leave();
      if (urls.length > 0) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** In the place that was waited for; without one, here. */
function run(
  { definition, parameters, progress }: Work,
  place: MediaPlace | undefined,
  { sources, signal, outputs }: { sources: readonly Source[]; signal: AbortSignal; outputs: Outputs },
): Promise<unknown> {
  const onProgress = progress.report.bind(progress);
  const onOutput = outputs.add.bind(outputs);
  if (place) return place.run({ name: definition.name, parameters, sources, signal, onProgress, onOutput });
  return definition.run(parameters, { sources, signal, progress: onProgress, output: onOutput });
}
