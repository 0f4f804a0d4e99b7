import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { TaskEventType } from '../../../actors/event.ts';
import type { Logger } from '../../logger.ts';
import type { Extent, Gap, LogRecord, Page, ReadOptions } from '../reading.ts';
import { type RecordedEvent, readOrExplain, type Unreadable } from '../recorded-event.ts';
import { isEventSubject, readFilters } from '../subject.ts';
import { type Arrival, type Pulled, Pulling } from './pulling.ts';
import { STREAM } from './stream.ts';

const AGAIN_MS = 250;

export interface ReaderParts {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly logger: Logger;
}

/**
 * Reads the stream from a sequence on, and waits where it ends. One consumer serves the past and what is still to
 * come, so there is no seam between them; when it is lost, the next one begins after what has been handed out.
 *
 * Whoever iterates sets the pace: nothing is asked of the log meanwhile, but for one request ahead.
 */
export class Reader<T extends object> {
  readonly #parts: ReaderParts;
  readonly #options: ReadOptions;
  readonly #filters: readonly string[];
  readonly #through: number;
  readonly #toEntry: (pulled: Pulled) => T | undefined;
  #after: number;
  /** Where the log ended when the consumer had just been made. */
  #head = 0;

  /** `toEntry` makes what is handed out of each record; undefined for what was not asked for. */
  constructor(parts: ReaderParts, options: ReadOptions, toEntry: (pulled: Pulled) => T | undefined) {
    this.#parts = parts;
    this.#toEntry = toEntry;
    this.#options = options;
    this.#filters = readFilters(options.keys, options.types);
    this.#through = options.through ?? Number.POSITIVE_INFINITY;
    this.#after = options.after;
  }

  async *pages(): AsyncGenerator<Page<T | Gap>> {
    const { signal } = this.#options;
    while (this.#after < this.#through) {
      const pulling = await this.#open(signal);
      if (!pulling) return;
      const stop = (): void => pulling.close();
      signal.addEventListener('abort', stop);
      try {
        for (let page = await this.#begin(pulling); page; page = await this.#next(pulling)) {
          this.#after = page.through;
          yield page;
        }
      } finally {
        signal.removeEventListener('abort', stop);
        stop();
      }
    }
  }

  /** Waits for a log that does not answer. Undefined once the signal is aborted. */
  async #open(signal: AbortSignal): Promise<Pulling | undefined> {
    const { connection, manager, logger } = this.#parts;
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        const pulling = await Pulling.open(connection, manager, this.#after, this.#filters);
        if (!signal.aborted) return pulling;
        pulling.close();
      } catch (error) {
        if (tries % 20 === 0) logger.warn({ err: error }, 'a reader is still waiting for the log');
        await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    }
    return undefined;
  }

  /** What had left the log before there was a consumer. Undefined while the log does not answer. */
  async #begin(pulling: Pulling): Promise<Page<T | Gap> | undefined> {
    const extent = await extentOf(this.#parts.manager);
    if (!extent) return undefined;
    this.#head = extent.last;
    const scanned = Math.max(this.#after, extent.first - 1);
    return this.#page({ pulled: [], scanned, isAll: pulling.isEmpty }, extent.first);
  }

  /** Undefined when the consumer is lost, or the end has been reached. */
  async #next(pulling: Pulling): Promise<Page<T | Gap> | undefined> {
    const arrival = this.#after < this.#through ? await pulling.take() : undefined;
    if (!arrival) return undefined;
    if (this.#filters.length === 0) return this.#page(arrival, Number.POSITIVE_INFINITY);
    const extent = await extentOf(this.#parts.manager);
    return extent && this.#page(arrival, extent.first);
  }

  /**
   * `first` is where the log begins since then: what was jumped over before it may have been lost. Without a filter
   * every jump is a loss, so it is infinite.
   */
  #page({ pulled, scanned, isAll }: Arrival, first: number): Page<T | Gap> {
    const entries: (T | Gap)[] = [];
    let at = this.#after;
    const advance = (seq: number): void => {
      const to = Math.min(seq, first - 1, this.#through);
      if (to > at) entries.push({ gap: { from: at + 1, to } });
      at = Math.min(seq, this.#through);
    };
    for (const record of pulled) {
      advance(record.seq - 1);
      if (record.seq > this.#through) break;
      at = record.seq;
      const entry = this.#toEntry(record);
      if (entry) entries.push(entry);
    }
    advance(scanned);
    // Whoever wants no more than there was is not kept waiting for a sequence that its filter never meets.
    return { entries, through: isAll && this.#through <= this.#head ? this.#through : at };
  }
}

/** Events of these types, of all if none are named, and what cannot be read. */
export const chosenEvents =
  (types: readonly TaskEventType[] | undefined) =>
  ({ message, seq }: Pulled): RecordedEvent | Unreadable | undefined => {
    if (!isEventSubject(message.subject)) return undefined;
    const entry = readOrExplain(message.subject, message.data, seq);
    return 'unreadable' in entry || (types?.includes(entry.type) ?? true) ? entry : undefined;
  };

export const asRecord = ({ message, seq, storedAtMs }: Pulled): LogRecord => ({
  seq,
  subject: message.subject,
  bytes: message.data,
  storedAtMs,
});

/** Undefined while the log does not answer. */
const extentOf = async (manager: JetStreamManager): Promise<Extent | undefined> =>
  manager.streams.info(STREAM).then(
    ({ state }) => ({ first: state.first_seq, last: state.last_seq }),
    () => undefined,
  );
