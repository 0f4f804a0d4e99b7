import { createActor, toPromise } from 'xstate';
import { type AttemptEffects, attemptMachine, type Outcome } from '../../actors/attempt.ts';
import type { FetchedSource, Spent } from '../../actors/event.ts';
import { TaskFailure } from '../../actors/failure.ts';
import type { Storage } from '../storage/storage.ts';
import { definitionId } from '../tasks/canonical.ts';
import type { MediaDefinition, Source, SourceFacts } from '../tasks/definition.ts';
import { isSlowSource } from '../tasks/image/slow-source.ts';
import { showUrl } from '../tasks/show-url.ts';
import { type AttemptRun, type Known, msSince, type RunInput } from './attempt-run.ts';
import type { Lane } from './media/lanes.ts';
import type { LentDecoder, MediaPool } from './media/pool.ts';
import { Outputs } from './outputs.ts';
import type { OwnFiles } from './own-files.ts';
import type { Share, Steps } from './share.ts';
import type { SharedWork } from './shared-work.ts';
import type { Fetcher } from './source/fetcher.ts';
import type { SourceRoom } from './source/source-room.ts';
import { type FetchOne, fetchSources } from './source/sources.ts';

export interface PhasedParts {
  readonly fetcher: Fetcher;
  readonly ownFiles: OwnFiles;
  readonly media: MediaPool;
  readonly storage: Storage;
  /** Where sources are while they are worked on. */
  readonly room: SourceRoom;
}

interface Input extends RunInput {
  readonly definition: MediaDefinition;
  readonly account: string;
  readonly key: string;
  /** The sequence at which the task was queued. */
  readonly seq: number;
  readonly attempt: number;
}

/**
 * One attempt at a task that works on bytes: fetches the sources, runs the definition in a decoder, stores the outputs,
 * in the order that the attempt machine keeps. What a task makes is stored while it makes more; the phase of storing is
 * for what is still on its way when it has made all.
 *
 * The work is shared with the attempts that are at the same. The phases are those of the work then: who joins late
 * finds some of them behind it, or all.
 */
export class PhasedRun implements AttemptRun {
  readonly #input: Input;
  readonly #share: Share;
  readonly #outputs: Outputs;
  readonly #spent: Spent;
  /** The phase that is on, and since when. */
  #phase: { readonly name: keyof Spent; readonly since: number } | undefined;
  #sources: readonly SourceFacts[] = [];

  constructor(parts: PhasedParts, shared: SharedWork<LentDecoder>, input: Input) {
    const { definition, parameters, account, key, seq, attempt, progress, isOurs, queuedMs } = input;
    this.#input = input;
    this.#spent = { queued: queuedMs, fetching: 0, running: 0, storing: 0 };
    // Of a task that makes one file, the end that follows at once tells.
    const makesSeveral = definition.files(parameters).length > 1;
    this.#outputs = new Outputs(parts.storage, { key, attempt }, isOurs, (output) => {
      if (makesSeveral) progress.announce(output);
    });
    const listener = {
      onProgress: progress.report.bind(progress),
      onOutput: this.#outputs.add.bind(this.#outputs),
    };
    const id = definitionId(account, definition.name, parameters);
    this.#share = shared.join({ id, seq }, listener, () => stepsOf(parts, input));
  }

  async run(): Promise<Outcome | undefined> {
    const { deadlineMs, isOurs, interruption } = this.#input;
    const actor = createActor(attemptMachine, { input: { deadlineMs, effects: this.#effects() } });
    const over = toPromise(actor);
    actor.start();
    // A machine that is stopped has no output.
    void isOurs.then((isOurs) => isOurs || actor.stop());
    interruption.listen((type) => {
      if (actor.getSnapshot().status === 'active') actor.send({ type });
    });
    try {
      return await over;
    } finally {
      // At once, since the report of a canceled attempt may take its time; what goes wrong comes up in `cleanUp`.
      this.cleanUp().catch(() => {});
    }
  }

  known(): Known {
    // One that is left early has lasted until now.
    this.#endPhase();
    return {
      spent: inOrder(this.#spent),
      ...(this.#sources.length > 0 && { sources: this.#sources.map(shown) }),
    };
  }

  cleanUp(): Promise<void> {
    return this.#share.leave();
  }

  #effects(): AttemptEffects {
    const { fetched, gotDecoder, ran, ageMs } = this.#share;
    return {
      fetch: async () => {
        try {
          this.#sources = await this.#timed('fetching', fetched);
        } catch (error) {
          throw sinceJoined(error, ageMs);
        }
        return this.#spent.fetching;
      },
      waitForDecoder: () => this.#timed('waiting', gotDecoder),
      run: () => this.#timed('running', ran),
      store: async () => (this.#outputs.count > 0 ? this.#timed('storing', this.#outputs.all()) : []),
    };
  }

  async #timed<T>(name: keyof Spent, effect: Promise<T>): Promise<T> {
    this.#phase = { name, since: performance.now() };
    try {
      return await effect;
    } finally {
      this.#endPhase();
    }
  }

  #endPhase(): void {
    if (!this.#phase) return;
    const { name, since } = this.#phase;
    this.#phase = undefined;
    this.#spent[name] = msSince(since);
  }
}

/** A shared fetch has its deadlines from its beginning, so who joined late would read of 10 s and have seen 3 of them. */
function sinceJoined(error: unknown, ageMs: number): unknown {
  if (!(error instanceof TaskFailure) || !error.passing || ageMs < 1_000) return error;
  const { message, passing, retryAfterMs, cause } = error;
  const late = `in a fetch that another task had begun ${Math.floor(ageMs / 1_000)} s earlier`;
  return new TaskFailure(`${message}, ${late}`, { passing, retryAfterMs, cause });
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

/** Work on pixels: the sources are fetched and a child runs the definition. */
function stepsOf(
  { fetcher, ownFiles, media, room }: PhasedParts,
  { definition, parameters }: Input,
): Steps<LentDecoder> {
  const urls = definition.sources(parameters);
  const part = room.part();
  const fetchOne: FetchOne = async (url, signal) =>
    (await ownFiles.read(url, part, signal)) ?? fetcher.fetch(url, part, signal);
  return {
    fetch: (signal) => fetchSources(urls, fetchOne, signal, (url) => ownFiles.nameOf(url)),
    waitForDecoder: (sources, signal) => media.lend(laneOf(definition, parameters, sources), signal),
    run: (decoder, sources, { onProgress, onOutput }, signal) =>
      decoder.run({ name: definition.name, parameters, sources, signal, onProgress, onOutput }),
    cleanUp: () => part.leave(),
  };
}

const laneOf = (
  definition: MediaDefinition,
  parameters: Record<string, unknown>,
  sources: readonly Source[],
): Lane => (definition.isSlow?.(parameters) || sources.some(isSlowSource) ? 'slow' : 'quick');
