import { asFailure } from '../../actors/attempt.ts';
import { deferred } from '../deferred.ts';
import type { Json, Output, Source, SourceFacts } from '../tasks/definition.ts';
import { type EndedWork, MAX_KEPT_BYTES } from './ended-works.ts';
import type { Listener, Share, Steps } from './share.ts';

/** A piece of work from its beginning until nothing is left of it. */
export class RunningWork<Decoder> {
  /** Resolves when the last step has ended and everything is cleaned up. */
  readonly over: Promise<void>;
  readonly #keep: (ended: EndedWork) => Promise<void>;
  readonly #fetched = deferred<readonly SourceFacts[]>();
  readonly #gotDecoder = deferred<void>();
  readonly #ran = deferred<unknown>();
  readonly #beganAt = performance.now();
  readonly #stop = new AbortController();
  readonly #listeners = new Set<Listener>();
  /** All outputs, as long as they are few enough to be kept. */
  readonly #outputs: Output[] = [];
  #outputBytes = 0;
  #progress: Json | undefined;
  #isOpen = true;
  #isShared = false;
  #hasRun = false;

  /** `keep` is given what several attempts have shared; nobody hears of the end before it has resolved. */
  constructor(steps: Steps<Decoder>, keep: (ended: EndedWork) => Promise<void>) {
    this.#keep = keep;
    this.over = this.#do(steps);
    // Those who take part handle it; when all have left, nobody does.
    for (const { promise } of [this.#fetched, this.#gotDecoder, this.#ran]) promise.catch(nothing);
    this.over.catch(nothing);
  }

  isJoinable(withinMs: number): boolean {
    return this.#isOpen && this.#ageMs < withinMs;
  }

  join(listener: Listener): Share {
    this.#isShared ||= this.#listeners.size > 0;
    this.#listeners.add(listener);
    if (this.#progress !== undefined) listener.onProgress(this.#progress);
    return { ...this.#stages(), ageMs: this.#ageMs, leave: () => this.#remove(listener) };
  }

  get #ageMs(): number {
    return performance.now() - this.#beganAt;
  }

  async #do(steps: Steps<Decoder>): Promise<void> {
    const { signal } = this.#stop;
    const all: Listener = {
      onProgress: (value) => this.#tellProgress(value),
      onOutput: (output) => this.#tellOutput(output),
    };
    try {
      const sources = await steps.fetch(signal);
      this.#fetched.resolve(sources.map(factsOf));
      const decoder = await steps.waitForDecoder(sources, signal);
      this.#gotDecoder.resolve();
      const result = await steps.run(decoder, sources, all, signal);
      await this.#close(result, true);
      this.#ran.resolve(result);
    } catch (error) {
      // A failure that may pass is not kept: those who come later shall try for themselves.
      await this.#close(error, !asFailure(error).passing);
      for (const stage of [this.#fetched, this.#gotDecoder, this.#ran]) stage.reject(error);
    }
    await steps.cleanUp();
  }

  async #close(outcome: unknown, isLasting: boolean): Promise<void> {
    if (this.#isShared && isLasting && this.#outputBytes <= MAX_KEPT_BYTES) {
      const bytes = this.#outputBytes + (JSON.stringify(outcome)?.length ?? 0);
      await this.#keep({ ...this.#stages(), outputs: this.#outputs, bytes });
    }
    this.#isOpen = false;
    this.#hasRun = true;
  }

  #stages() {
    return { fetched: this.#fetched.promise, gotDecoder: this.#gotDecoder.promise, ran: this.#ran.promise };
  }

  async #remove(listener: Listener): Promise<void> {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#isOpen = false;
    if (!this.#hasRun) this.#stop.abort();
    await this.over;
  }

  #tellProgress(value: Json): void {
    this.#progress = value;
    for (const listener of this.#listeners) listener.onProgress(value);
  }

  /** One that cannot store its copy learns so when it asks for all; it is no reason for the others to stop. */
  async #tellOutput(output: Output): Promise<void> {
    this.#isOpen = false;
    if (this.#isShared) this.#hold(output);
    const taken = await Promise.allSettled([...this.#listeners].map((each) => each.onOutput(output)));
    const refused = taken.filter((each) => each.status === 'rejected');
    if (refused.length > 0 && refused.length === taken.length) throw refused[0]?.reason;
  }

  #hold(output: Output): void {
    // The bytes are a view of all that the decoder's channel had read, which is kept in memory with them.
    this.#outputBytes += output.data.buffer.byteLength;
    if (this.#outputBytes <= MAX_KEPT_BYTES) this.#outputs.push(output);
    else this.#outputs.length = 0;
  }
}

/** What those who take part are told of a source; its bytes are given up when the work is over. */
const factsOf = ({ url, bytes, contentType }: Source): SourceFacts => ({ url, bytes, contentType });

const nothing = (): void => {};
