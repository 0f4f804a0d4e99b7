import type { AttemptEffects } from '../../actors/attempt.ts';
import type { FetchedSource, Spent } from '../../actors/event.ts';
import type { Storage } from '../storage/storage.ts';
import { definitionId } from '../tasks/canonical.ts';
import type { Source, SourceFacts, TaskDefinition } from '../tasks/definition.ts';
import { isSlowSource } from '../tasks/image/slow-source.ts';
import { showUrl } from '../tasks/show-url.ts';
import type { Lane } from './media/lanes.ts';
import type { MediaPlace, MediaPool } from './media/pool.ts';
import { Outputs } from './outputs.ts';
import type { OwnFiles } from './own-files.ts';
import type { ProgressReports } from './progress.ts';
import type { Listener, Share, Steps } from './share.ts';
import type { SharedWork } from './shared-work.ts';
import type { Fetcher } from './source/fetcher.ts';
import type { Room } from './source/room.ts';
import { type FetchOne, fetchSources } from './source/sources.ts';

export interface EffectParts {
  readonly fetcher: Fetcher;
  readonly ownFiles: OwnFiles;
  readonly media: MediaPool;
  readonly storage: Storage;
  /** Where sources are while they are worked on. */
  readonly room: Room;
}

interface Work {
  readonly definition: TaskDefinition;
  readonly parameters: Record<string, unknown>;
  readonly account: string;
  readonly key: string;
  /** The sequence at which the task was queued. */
  readonly seq: number;
  readonly attempt: number;
  /** Milliseconds that the task has waited for this attempt. */
  readonly queuedMs: number;
  readonly progress: ProgressReports;
  /** Whether the attempt is this worker's, once the log has its start. */
  readonly isOurs: Promise<boolean>;
}

export type WorkEffects = Omit<AttemptEffects, 'report'> & {
  /** What there is to tell of the attempt so far, whatever becomes of it. */
  known(): { readonly spent: Spent; readonly sources?: FetchedSource[] };
  /** Lets go of everything that is held for the attempt. */
  cleanUp(): Promise<void>;
};

/**
 * What one attempt does to the world: fetch the sources, run the definition, store the outputs. What a task makes is
 * stored while it makes more; the phase of storing is for what is still on its way when it has made all.
 *
 * Work on pixels is shared with the attempts that are at the same. The phases are those of the work then: who joins
 * late finds some of them behind it, or all.
 */
export function createEffects(parts: EffectParts, shared: SharedWork<MediaPlace>, work: Work): WorkEffects {
  const { key, attempt, definition, parameters, progress, isOurs } = work;
  const spent: Spent = { queued: work.queuedMs, fetching: 0, running: 0, storing: 0 };
  let sources: readonly SourceFacts[] = [];
  const timed = async <T>(phase: keyof Spent, effect: Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await effect;
    } finally {
      spent[phase] = Math.round((performance.now() - startedAt) * 1_000) / 1_000;
    }
  };
  // Of a task that makes one file, the end that follows at once tells.
  const makesSeveral = definition.files(parameters).length > 1;
  const outputs = new Outputs(parts.storage, { key, attempt }, isOurs, (output) => {
    if (makesSeveral) progress.announce(output);
  });
  const listener: Listener = {
    onProgress: progress.report.bind(progress),
    onOutput: outputs.add.bind(outputs),
  };
  let share: Share | undefined;
  const joined = (signal: AbortSignal): Share => {
    const mine =
      share ?? shared.join({ id: idOf(work), seq: work.seq }, listener, () => stepsOf(parts, work));
    share = mine;
    // At once, since the report of a canceled attempt may take its time; what goes wrong comes up in `cleanUp`.
    signal.addEventListener('abort', () => mine.leave().catch(() => {}), { once: true });
    return mine;
  };
  // What runs in the worker itself touches no bytes, so it has no sources.
  const run = (signal: AbortSignal): Promise<unknown> =>
    definition.runsIn === 'media'
      ? joined(signal).ran
      : definition.run(parameters, {
          sources: [],
          signal,
          progress: listener.onProgress,
          output: listener.onOutput,
        });
  return {
    spent,
    known: () => ({ spent: inOrder(spent), ...(sources.length > 0 && { sources: sources.map(shown) }) }),
    fetch: async (signal) => {
      sources = await timed('fetching', joined(signal).fetched);
    },
    wait: async (signal) => void (await timed('waiting', joined(signal).entered)),
    run: async (_fetched, signal) => {
      const result = await timed('running', run(signal));
      return { result, outputs: outputs.count };
    },
    store: async ({ result }) => ({ result, outputs: await timed('storing', outputs.all()) }),
    cleanUp: async () => void (await share?.leave()),
  };
}

/** The phases in the order in which they come, for whoever reads the log. */
const inOrder = ({ queued, fetching, waiting, running, storing }: Spent): Spent => ({
  ...(queued !== undefined && { queued }),
  fetching,
  ...(waiting !== undefined && { waiting }),
  running,
  storing,
});

const shown = ({ url, bytes, contentType }: SourceFacts): FetchedSource => ({
  url: showUrl(url),
  bytes,
  ...(contentType !== undefined && { content_type: contentType }),
});

const idOf = ({ account, definition, parameters }: Work): string =>
  definitionId(account, definition.name, parameters);

/** Work on pixels: the sources are fetched and a child runs the definition. */
function stepsOf(
  { fetcher, ownFiles, media, room }: EffectParts,
  { definition, parameters }: Work,
): Steps<MediaPlace> {
  const urls = definition.sources(parameters);
  const part = room.part();
  const fetchOne: FetchOne = async (url, signal) =>
    (await ownFiles.read(url, part)) ?? fetcher.fetch(url, part, signal);
  return {
    fetch: (signal) => fetchSources(urls, fetchOne, signal),
    enter: (sources, signal) => media.enter(laneOf(definition, parameters, sources), signal),
    run: (place, sources, { onProgress, onOutput }, signal) =>
      place.run({ name: definition.name, parameters, sources, signal, onProgress, onOutput }),
    cleanUp: () => part.leave(),
  };
}

const laneOf = (
  definition: TaskDefinition,
  parameters: Record<string, unknown>,
  sources: readonly Source[],
): Lane => (definition.isSlow?.(parameters) || sources.some(isSlowSource) ? 'slow' : 'quick');
