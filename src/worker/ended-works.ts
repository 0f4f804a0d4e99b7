import { setTimeout as delay } from 'node:timers/promises';
import { Recent } from '../recent.ts';
import type { Output } from '../tasks/definition.ts';
import type { Listener, Share, Stages } from './share.ts';

/** Pieces of work that are kept at most. */
const MAX_WORKS = 100;
/** Bytes that all of them together may have, and so each of them. */
export const MAX_KEPT_BYTES = 16_000_000;
/** Kept this long after the last use; a waiting task normally gets a place sooner. */
const KEPT_MS = 10_000;
/** The most that finished tasks are held back while the log is asked. */
const PATIENCE_MS = 200;

/** Work that is over, for who joins it afterwards. */
export interface EndedWork extends Stages {
  readonly outputs: readonly Output[];
  /** Roughly, what it takes of memory. */
  readonly bytes: number;
}

/**
 * Work that several attempts shared, kept for those that were to share it too and found no place while it went on.
 *
 * Only tasks that were queued before its end may have it. The log's own order says which those are: the clocks of hosts
 * differ. What is kept is forgotten, all at once, when nobody has come for any of it for a while.
 */
export class EndedWorks {
  readonly #lastSeq: () => Promise<number>;
  #works = emptyWorks();
  #forgetting: NodeJS.Timeout | undefined;

  /** `lastSeq` asks the log for its last sequence. */
  constructor(lastSeq: () => Promise<number>) {
    this.#lastSeq = lastSeq;
  }

  /** Resolves when the log has said, or failed to say, what was queued by now: nobody may hear of the end before. */
  async keep(id: string, work: EndedWork): Promise<void> {
    // Of a log that does not answer nothing is known, so nothing is kept.
    const through = await Promise.race([
      this.#lastSeq().catch(() => 0),
      delay(PATIENCE_MS, 0, { ref: false }),
    ]);
    if (through === 0) return;
    this.#works.set(id, { work, through }, work.bytes);
    this.#stay();
  }

  /** Undefined if there is none that a task queued at `seq` may have. */
  join(id: string, seq: number, listener: Listener): Share | undefined {
    const kept = this.#works.get(id);
    if (!kept || seq > kept.through) return undefined;
    this.#stay();
    return shareOf(kept.work, listener);
  }

  #stay(): void {
    this.#forgetting ??= setTimeout(() => {
      this.#works = emptyWorks();
    }, KEPT_MS).unref();
    this.#forgetting.refresh();
  }
}

const emptyWorks = () =>
  new Recent<{ readonly work: EndedWork; readonly through: number }>(MAX_WORKS, MAX_KEPT_BYTES);

function shareOf({ fetched, gotDecoder, ran, outputs }: EndedWork, listener: Listener): Share {
  let hasLeft = false;
  const replay = async (): Promise<unknown> => {
    for (const output of outputs) {
      if (hasLeft) break;
      await listener.onOutput(output);
    }
    return ran;
  };
  const replayed = replay();
  // An attempt that has left does not wait for it any more.
  replayed.catch(() => {});
  const leave = async (): Promise<void> => {
    hasLeft = true;
  };
  return { fetched, gotDecoder, ran: replayed, ageMs: 0, leave };
}
