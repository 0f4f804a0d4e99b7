import { setTimeout as delay } from 'node:timers/promises';
import type { TaskEventType } from '../../../actors/event.ts';
import type { Gap, LogRecord, Page, ReadOptions } from '../reading.ts';
import { type RecordedEvent, readOrExplain, type Unreadable } from '../recorded-event.ts';
import { isEventSubject, readFilters } from '../subject.ts';
import { untilOnDisk } from './durability.ts';
import { storedAt } from './import-mark.ts';
import { leaderHas, type Part } from './leader-has.ts';
import { AGAIN_MS, openPatiently, type ReaderParts } from './patience.ts';
import type { Arrival, Pulled, Pulling } from './pulling.ts';
import type { StreamExtent } from './shared-extent.ts';
import { STREAM } from './stream.ts';

/** Makes what is handed out of a record; undefined for what was not asked for. */
export type ToEntry<T> = (record: LogRecord) => T | undefined;

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
  readonly #toEntry: ToEntry<T>;
  #after: number;
  /** Where the log ended when the consumer had just been made. */
  #head = 0;
  #importedThrough = 0;

  constructor(parts: ReaderParts, options: ReadOptions, toEntry: ToEntry<T>) {
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
      const options = { stream: STREAM, after: this.#after, filters: this.#filters, signal };
      const pulling = await openPatiently(this.#parts, options);
      if (!pulling) return;
      try {
        for (let page = await this.#begin(pulling); page; page = await this.#next(pulling)) {
          if (this.#parts.isReplicated && (await this.#misses(page))) {
            await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
            break;
          }
          this.#after = page.through;
          yield page;
        }
      } finally {
        pulling.close();
      }
    }
  }

  /** Whether the log has what the page tells as gone: then another consumer takes this one's place. */
  async #misses({ entries }: Page<T | Gap>): Promise<boolean> {
    for (const entry of entries) {
      if (!('gap' in entry)) continue;
      const { to } = entry.gap;
      if (await this.#leaderHas({ from: to, to, filters: [] })) return true;
    }
    return false;
  }

  #leaderHas(part: Omit<Part, 'stream'>): Promise<boolean> {
    return leaderHas(this.#parts.manager, { stream: STREAM, ...part });
  }

  /**
   * Whether nothing up to the end comes after this sequence. That a consumer has nothing more to deliver says as much,
   * unless its replica lags.
   */
  async #isAllTold(scanned: number): Promise<boolean> {
    if (!this.#parts.isReplicated || scanned >= this.#through) return true;
    return !(await this.#leaderHas({ from: scanned + 1, to: this.#through, filters: this.#filters }));
  }

  /** The arrival, of which `isAll` now says whether it is the last one, as the leader knows it. */
  async #judged(arrival: Arrival): Promise<Arrival> {
    const isLast = arrival.isAll && this.#through <= this.#head && (await this.#isAllTold(arrival.scanned));
    return { ...arrival, isAll: isLast };
  }

  /** What had left the log before there was a consumer. Undefined while the log does not answer. */
  async #begin(pulling: Pulling): Promise<Page<T | Gap> | undefined> {
    const extent = await this.#parts.extent.now();
    if (!extent) return undefined;
    this.#head = extent.last;
    this.#importedThrough = extent.importedThrough;
    const scanned = Math.max(this.#after, extent.first - 1);
    // What was stored between the two answers is in this one, and was not pending yet in the first.
    const isAll =
      pulling.isEmpty &&
      this.#through <= extent.last &&
      (await pulling.hasAll()) &&
      (await this.#isAllTold(scanned));
    return this.#page({ pulled: [], scanned, isAll }, extent.first);
  }

  /** Undefined when the consumer is lost, or the end has been reached. */
  async #next(pulling: Pulling): Promise<Page<T | Gap> | undefined> {
    while (this.#after < this.#through) {
      const taken = await pulling.take(this.#through !== Number.POSITIVE_INFINITY);
      if (!taken) return undefined;
      await untilOnDisk(this.#parts.durability, taken.scanned);
      const arrival = this.#parts.isReplicated ? await this.#judged(taken) : taken;
      if (this.#filters.length === 0) return this.#page(arrival, Number.POSITIVE_INFINITY);
      const { extent } = this.#parts;
      if (arrival.pulled.length > 0) return this.#pageOf(arrival, extent.now());
      // Nothing has come but word that there was nothing. That can wait, unless something does come.
      const calm = extent.soon();
      const isCalm = await Promise.race([calm.then(() => true), pulling.stirred().then(() => false)]);
      if (isCalm) return this.#pageOf(await this.#lookedThrough(pulling, arrival, calm), calm);
    }
    return undefined;
  }

  /** An end that the filter never meets is reached when the log is there and nothing is left to deliver. */
  async #lookedThrough(
    pulling: Pulling,
    arrival: Arrival,
    asked: Promise<StreamExtent | undefined>,
  ): Promise<Arrival> {
    if (arrival.scanned >= this.#through) return arrival;
    const last = (await asked)?.last ?? 0;
    const isAll =
      last >= this.#through && (await pulling.hasAll()) && (await this.#isAllTold(arrival.scanned));
    return isAll ? { ...arrival, scanned: last } : arrival;
  }

  /** The extent must have been asked for after the arrival. Undefined while the log does not answer. */
  async #pageOf(
    arrival: Arrival,
    asked: Promise<StreamExtent | undefined>,
  ): Promise<Page<T | Gap> | undefined> {
    const extent = await asked;
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
      const entry = this.#toEntry(asRecord(record, record.seq <= this.#importedThrough));
      if (entry) entries.push(entry);
    }
    advance(scanned);
    // Whoever wants no more than there was is not kept waiting for a sequence that its filter never meets.
    return { entries, through: isAll && this.#through <= this.#head ? this.#through : at };
  }
}

/** Events of these types, of all if none are named, and what cannot be read. */
export const chosenEvents =
  (types: readonly TaskEventType[] | undefined): ToEntry<RecordedEvent | Unreadable> =>
  ({ subject, bytes, seq }) => {
    if (!isEventSubject(subject)) return undefined;
    const entry = readOrExplain(subject, bytes, seq);
    return 'unreadable' in entry || (types?.includes(entry.type) ?? true) ? entry : undefined;
  };

// Headers are decoded whole, which takes 2 µs.
const asRecord = ({ message, seq, storedAtMs }: Pulled, isImported: boolean): LogRecord => ({
  seq,
  subject: message.subject,
  bytes: message.data,
  storedAtMs: isImported ? storedAt(message.headers, storedAtMs) : storedAtMs,
});
