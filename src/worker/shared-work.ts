import type { Json, Output, Source } from '../tasks/definition.ts';

/** What a piece of work tells while it runs. */
export interface Listener {
  onProgress(value: Json): void;
  /** Resolves when the next output may come; rejects when this listener has no use for another. */
  onOutput(output: Output): Promise<void>;
}

/** A piece of work, step by step. Each step is done once, under one signal: nobody wants the work any more. */
export interface Steps<Place> {
  fetch(signal: AbortSignal): Promise<readonly Source[]>;
  /** Waits for a place to run in. */
  enter(sources: readonly Source[], signal: AbortSignal): Promise<Place>;
  /** Gives the place back, however it ends. */
  run(place: Place, sources: readonly Source[], listener: Listener, signal: AbortSignal): Promise<unknown>;
  /** Called once, when no step is under way any more. */
  cleanUp(): Promise<void>;
}

/** One attempt's part in a piece of work. The promises are those of the work: they settle for all at once. */
export interface Share {
  readonly fetched: Promise<readonly Source[]>;
  readonly entered: Promise<unknown>;
  /** Gives the work's result. */
  readonly ran: Promise<unknown>;
  /** May be called again. The last one that leaves ends the work, and waits until nothing is left of it. */
  leave(): Promise<void>;
}

/**
 * Lets attempts that want the same at the same time share the work.
 *
 * Work begins with the first that joins and goes on while one of them has not left. Others may join until the first
 * output is made, of which they would otherwise miss something, and for `joinableMs`: what hangs must not be kept
 * alive by an endless row of those who come in time. Then the next one begins anew.
 */
export class SharedWork<Place> {
  readonly #joinableMs: number;
  readonly #works = new Map<string, Work<Place>>();

  constructor(joinableMs: number) {
    this.#joinableMs = joinableMs;
  }

  /** `id` names what is wanted; `begin` is called if nobody is at it. */
  join(id: string, listener: Listener, begin: () => Steps<Place>): Share {
    const known = this.#works.get(id);
    const work = known?.isJoinable(this.#joinableMs) ? known : this.#begin(id, begin());
    work.add(listener);
    const { fetched, entered, ran } = work;
    return { fetched, entered, ran, leave: () => work.remove(listener) };
  }

  #begin(id: string, steps: Steps<Place>): Work<Place> {
    const work = new Work(steps);
    this.#works.set(id, work);
    const forget = (): void => {
      if (this.#works.get(id) === work) this.#works.delete(id);
    };
    work.over.then(forget, forget);
    return work;
  }
}

class Work<Place> {
  readonly fetched: Promise<readonly Source[]>;
  readonly entered: Promise<Place>;
  readonly ran: Promise<unknown>;
  /** Resolves when the last step has ended and everything is cleaned up. */
  readonly over: Promise<void>;
  readonly #beganAt = performance.now();
  readonly #stop = new AbortController();
  readonly #listeners = new Set<Listener>();
  #progress: Json | undefined;
  #isOpen = true;
  #hasRun = false;

  constructor(steps: Steps<Place>) {
    const { signal } = this.#stop;
    const all: Listener = {
      onProgress: (value) => this.#tellProgress(value),
      onOutput: (output) => this.#tellOutput(output),
    };
    this.fetched = steps.fetch(signal);
    this.entered = this.fetched.then((sources) => steps.enter(sources, signal));
    this.ran = Promise.all([this.entered, this.fetched]).then(([place, sources]) =>
      steps.run(place, sources, all, signal),
    );
    const close = (): void => {
      this.#isOpen = false;
      this.#hasRun = true;
    };
    this.over = this.ran.then(close, close).then(() => steps.cleanUp());
    // Who still takes part hears of it; those who have left do not want to.
    for (const step of [this.fetched, this.entered, this.ran, this.over]) step.catch(nothing);
  }

  isJoinable(withinMs: number): boolean {
    return this.#isOpen && performance.now() - this.#beganAt < withinMs;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
    if (this.#progress !== undefined) listener.onProgress(this.#progress);
  }

  async remove(listener: Listener): Promise<void> {
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
    const taken = await Promise.allSettled([...this.#listeners].map((each) => each.onOutput(output)));
    const refused = taken.filter((each) => each.status === 'rejected');
    if (refused.length > 0 && refused.length === taken.length) throw refused[0]?.reason;
  }
}

const nothing = (): void => {};
