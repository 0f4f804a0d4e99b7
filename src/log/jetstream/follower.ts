import { decodeEvent, type StoredEvent } from '../envelope.ts';
import type { Following, FollowOptions } from '../log.ts';
import type { Gap } from '../reading.ts';
import { isEventSubject } from '../subject.ts';
import type { ReaderParts } from './patience.ts';
import { Reader, type ToEntry } from './reader.ts';
import { STREAM } from './stream.ts';

/** A record that could not be read. */
interface Failure {
  readonly error: Error;
  readonly seq: number;
}

/**
 * Reads the whole log for as long as this process lives, by the same way as whoever reads it once: so what a lost
 * consumer or a replica that lags must not do to a reader is dealt with in one place. What the log has let go of is
 * passed over.
 *
 * Rejects when the log does not answer.
 */
export async function followStream(parts: ReaderParts, options: FollowOptions): Promise<Following> {
  const { state } = await parts.manager.streams.info(STREAM);
  return new Follower(parts, options, state.last_seq);
}

class Follower implements Following {
  readonly caughtUp: Promise<number>;
  readonly #parts: ReaderParts;
  readonly #options: FollowOptions;
  readonly #closing = new AbortController();
  readonly #ended: Promise<void>;
  #reading = new AbortController();

  /** `head` is where the log ends now. */
  constructor(parts: ReaderParts, options: FollowOptions, head: number) {
    this.#parts = parts;
    this.#options = options;
    let reached: (head: number) => void = () => {};
    this.caughtUp = new Promise((resolve) => {
      reached = resolve;
    });
    if (options.after >= head) reached(head);
    this.#ended = this.#read((through) => through >= head && reached(head));
    void this.#beginAgainOnReconnect();
  }

  close(): Promise<void> {
    this.#closing.abort();
    return this.#ended;
  }

  async #read(onPage: (through: number) => void): Promise<void> {
    let { after } = this.#options;
    while (!this.#closing.signal.aborted) {
      this.#reading = new AbortController();
      const signal = AbortSignal.any([this.#closing.signal, this.#reading.signal]);
      for await (const { entries, through } of new Reader(this.#parts, { after, signal }, toEvent).pages()) {
        for (const entry of entries) this.#report(entry);
        after = through;
        onPage(through);
      }
    }
  }

  #report(entry: StoredEvent | Failure | Gap): void {
    if ('event' in entry) this.#options.onEvent(entry);
    else if ('error' in entry) this.#options.onUnreadable(entry.error, entry.seq);
    else this.#options.onMissed?.(entry.gap.to);
  }

  /** By itself a reader would notice after seconds of silence. */
  async #beginAgainOnReconnect(): Promise<void> {
    for await (const { type } of this.#parts.connection.status())
      if (type === 'reconnect') this.#reading.abort();
  }
}

const toEvent: ToEntry<StoredEvent | Failure> = ({ subject, bytes, seq }) => {
  if (!isEventSubject(subject)) return undefined;
  try {
    return decodeEvent(subject, bytes, seq);
  } catch (error) {
    return { error: error as Error, seq };
  }
};
