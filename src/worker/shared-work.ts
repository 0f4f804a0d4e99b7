import { EndedWorks } from './ended-works.ts';
import { RunningWork } from './running-work.ts';
import type { Listener, Share, Steps } from './share.ts';

/** Who wants something done. */
interface Wish {
  /** Names what is wanted. */
  readonly id: string;
  /** The sequence at which the task was queued. */
  readonly seq: number;
}

/**
 * Lets attempts that want the same share the work.
 *
 * Work begins with the first that joins and goes on while one of them has not left. Others may join until the first
 * output is made, of which they would otherwise miss something, and for `joinableMs`: what hangs must not be kept
 * alive by an endless row of those who come in time. Once it is over and several have shared it, those may join whose
 * tasks had been queued by then: they would have come sooner, had there been places for all. Nobody else hears of work
 * that has ended, since the world may be another by then: the next one begins anew.
 */
export class SharedWork<Decoder> {
  readonly #joinableMs: number;
  readonly #running = new Map<string, RunningWork<Decoder>>();
  readonly #ended: EndedWorks;

  /** `lastSeq` asks the log for its last sequence. */
  constructor(joinableMs: number, lastSeq: () => Promise<number>) {
    this.#joinableMs = joinableMs;
    this.#ended = new EndedWorks(lastSeq);
  }

  /** `begin` is called if nobody is at it. */
  join({ id, seq }: Wish, listener: Listener, begin: () => Steps<Decoder>): Share {
    const running = this.#running.get(id);
    if (running?.isJoinable(this.#joinableMs)) return running.join(listener);
    return this.#ended.join(id, seq, listener) ?? this.#begin(id, begin()).join(listener);
  }

  #begin(id: string, steps: Steps<Decoder>): RunningWork<Decoder> {
    const work = new RunningWork(steps, (ended) => this.#ended.keep(id, ended));
    this.#running.set(id, work);
    const forget = (): void => {
      if (this.#running.get(id) === work) this.#running.delete(id);
    };
    work.over.then(forget, forget);
    return work;
  }
}
