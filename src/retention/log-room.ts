import { LogFull } from '../log/log.ts';
import type { LogLimits, LogVolume } from '../log/upkeep.ts';

/** What an open task is expected to write yet: its start, an event in between, its end. */
const EVENTS_TO_END = 3;
/** The create itself: its queued event, and a share in the records on which it depends. */
const EVENTS_OF_CREATE = 2;
/** The share of the log from which on creates are refused. The rest is for what is not expected: retries, progress. */
export const FULL_AT = 0.95;
/** Bytes of an event, as long as the log has too few of them to tell. */
const USUAL_EVENT_BYTES = 400;

/** How much of the log is taken, with what the open tasks are expected to write yet. */
export interface Use {
  readonly events: number;
  readonly bytes: number;
  /** Bytes of an event, on average. */
  readonly eventBytes: number;
  /** Of what the log may hold, in events or bytes, whichever is more; may be above 1. */
  readonly share: number;
}

interface Parts {
  readonly limits: LogLimits;
  /** What the fold says at any moment. */
  readonly folded: { readonly seq: number; readonly openTasks: number };
}

/**
 * Says whether the log has room for more tasks. It refuses creates before the log itself would refuse anything, and
 * sooner the more tasks are open: so those that were created can always end. As each open task keeps room, the log's
 * limits are also the bound on how many can be open, and on the memory that they take.
 */
export class LogRoom {
  readonly #limits: LogLimits;
  readonly #folded: Parts['folded'];
  #volume: LogVolume | undefined;

  constructor({ limits, folded }: Parts) {
    this.#limits = limits;
    this.#folded = folded;
  }

  /** To be called about once a second; what has been folded since then is counted in. */
  measured(volume: LogVolume): void {
    this.#volume = volume;
  }

  /** As it would be with so many more tasks. */
  use(more = 0): Use {
    const { events: heldEvents = 0, bytes: heldBytes = 0, lastSeq = this.#folded.seq } = this.#volume ?? {};
    const eventBytes = heldEvents === 0 ? USUAL_EVENT_BYTES : heldBytes / heldEvents;
    const since = Math.max(0, this.#folded.seq - lastSeq);
    const expected = since + more * EVENTS_OF_CREATE + (this.#folded.openTasks + more) * EVENTS_TO_END;
    const events = heldEvents + expected;
    const bytes = heldBytes + expected * eventBytes;
    const share = Math.max(events / this.#limits.events, bytes / this.#limits.bytes);
    return { events, bytes, eventBytes, share };
  }

  /** Throws `LogFull` if there is no room for so many more tasks. */
  admit(tasks: number): void {
    if (this.use(tasks).share > FULL_AT)
      throw new LogFull('the log has no room for more tasks than it has to end');
  }
}
