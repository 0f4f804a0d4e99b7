import { setTimeout as delay } from 'node:timers/promises';
import { CLOCKS_MS } from '../../event-date.ts';
import { timeOf } from '../../key.ts';
import type { Gap, LogRecord, Page, ReadOptions, Span } from '../../reading.ts';
import { storedAt } from '../import-mark.ts';
import { leaderHas } from '../leader-has.ts';
import { AGAIN_MS, openPatiently, patiently, type ReaderParts } from '../patience.ts';
import type { Arrival, Pulling } from '../pulling.ts';
import type { ToEntry } from '../reader.ts';
import { firstArchivedSince, originOf, slotAfter, slotsOf } from './record.ts';
import { ARCHIVE, shardSubject } from './stream.ts';

/** A part of the log that has left it: what came after `after`, up to `through`. */
export type PastOptions = Pick<ReadOptions, 'after' | 'keys' | 'signal'> & { readonly through: number };

/**
 * Reads from the archive what the log has let go of, in the log's own sequences; what it does not have either is a gap.
 *
 * The archive's own sequences, here called slots, run as the log's do, one for one, but where something is missing. So
 * without a filter each jump of the log's is a gap; with one, each jump that is not as wide in both.
 */
export class ArchiveReader<T extends object> {
  readonly #parts: ReaderParts;
  readonly #options: PastOptions;
  readonly #toEntry: ToEntry<T>;
  readonly #keys: ReadonlySet<string> | undefined;
  readonly #shards: readonly string[];
  /** When the first of the tasks was made, in milliseconds since 1970. */
  readonly #sinceMs: number | undefined;
  /** All up to this sequence has been handed out; it lies at that slot, or would. */
  #at: number;
  #slot = 0;
  /** The last slot to read. */
  #end = 0;
  /** What the last page told as gaps, in slots. */
  #jumped: Span[] = [];

  constructor(parts: ReaderParts, options: PastOptions, toEntry: ToEntry<T>) {
    this.#parts = parts;
    this.#options = options;
    this.#toEntry = toEntry;
    this.#keys = options.keys && new Set(options.keys);
    this.#shards = [...new Set(options.keys?.map(shardSubject))];
    this.#sinceMs = options.keys && Math.min(...options.keys.map(timeOf)) - CLOCKS_MS;
    this.#at = options.after;
  }

  async *pages(): AsyncGenerator<Page<T | Gap>> {
    const { signal, through } = this.#options;
    while (this.#at < through) {
      const isThere = await patiently(this.#parts, () => this.#findSlots(), signal);
      if (signal.aborted) return;
      if (this.#at >= through) {
        yield { entries: [], through };
        return;
      }
      if (!isThere) {
        yield { entries: [{ gap: { from: this.#at + 1, to: through } }], through };
        return;
      }
      const options = { stream: ARCHIVE, after: this.#slot, filters: this.#shards, signal };
      const pulling = await openPatiently(this.#parts, options);
      if (!pulling) return;
      try {
        yield* this.#pagesOf(pulling);
      } finally {
        pulling.close();
      }
    }
  }

  /** Until all is read, or the consumer is lost. */
  async *#pagesOf(pulling: Pulling): AsyncGenerator<Page<T | Gap>> {
    const { signal, through } = this.#options;
    let arrival: Arrival | undefined = { pulled: [], scanned: this.#slot, isAll: pulling.isEmpty };
    while (arrival) {
      const firstSlot = await patiently(this.#parts, () => this.#firstSlot(), signal);
      if (firstSlot === undefined) return;
      const page = this.#page(await this.#judged(arrival), firstSlot);
      if (await this.#misses()) {
        await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
        return;
      }
      this.#at = page.through;
      yield page;
      // Where a replica lags, that it has told all is asked again with each word of it.
      arrival = this.#at < through ? await pulling.take(this.#parts.isReplicated) : undefined;
    }
  }

  /** That a consumer has nothing more to deliver is the end, unless its replica lags. */
  async #judged(arrival: Arrival): Promise<Arrival> {
    if (!arrival.isAll || !this.#parts.isReplicated) return arrival;
    return { ...arrival, isAll: !(await this.#leaderHas({ first: arrival.scanned + 1, last: this.#end })) };
  }

  /** Whether the archive has what was told as gone: see `Reader`. */
  async #misses(): Promise<boolean> {
    if (this.#parts.isReplicated)
      for (const slots of this.#jumped) if (await this.#leaderHas(slots)) return true;
    return false;
  }

  #leaderHas({ first, last }: Span): Promise<boolean> {
    const part = { stream: ARCHIVE, from: first, to: last, filters: this.#shards };
    return leaderHas(this.#parts.manager, part);
  }

  /** False if the archive has nothing of what is to be read. */
  async #findSlots(): Promise<boolean> {
    const { manager } = this.#parts;
    const slots = await slotsOf(manager);
    if (!slots) return false;
    const [begin, beyond] = await Promise.all([
      slotAfter(manager, this.#at, slots),
      slotAfter(manager, this.#options.through, slots),
    ]);
    this.#slot = begin - 1;
    this.#end = beyond - 1;
    await this.#passOver(slots);
    return begin < beyond;
  }

  /** Before their keys were made there was nothing of the tasks, also where the archive has let go of what there was. */
  async #passOver({ first }: Span): Promise<void> {
    if (this.#sinceMs === undefined) return;
    const begin = await firstArchivedSince(this.#parts.manager, this.#sinceMs);
    // Older ones may have gone if it is the oldest.
    if (!begin || begin.slot <= Math.max(first, this.#slot + 1)) return;
    this.#slot = begin.slot - 1;
    this.#at = Math.min(begin.seq - 1, this.#options.through);
  }

  /** Where the archive begins by now: what a filter jumped over before it may have gone. Without one each jump is a loss. */
  async #firstSlot(): Promise<number> {
    const slots = this.#shards.length > 0 ? await slotsOf(this.#parts.manager) : undefined;
    return slots?.first ?? Number.POSITIVE_INFINITY;
  }

  #page({ pulled, isAll }: Arrival, firstSlot: number): Page<T | Gap> {
    const { through } = this.#options;
    const entries: (T | Gap)[] = [];
    let at = this.#at;
    this.#jumped = [];
    const jump = (seq: number, slot: number): void => {
      const isWhole = seq - at === slot - this.#slot && firstSlot <= this.#slot + 1;
      if (!isWhole && seq > at + 1) {
        entries.push({ gap: { from: at + 1, to: seq - 1 } });
        this.#jumped.push({ first: this.#slot + 1, last: slot - 1 });
      }
      at = seq;
      this.#slot = slot;
    };
    let isDone = isAll;
    for (const { message, seq: slot, storedAtMs } of pulled) {
      const { seq, subject } = originOf({ headers: message.headers, seq: slot });
      isDone ||= seq >= through;
      if (seq > through) break;
      if (seq <= at) continue;
      jump(seq, slot);
      const storedFirstMs = storedAt(message.headers, storedAtMs);
      const entry = this.#entryOf({ seq, subject, bytes: message.data, storedAtMs: storedFirstMs });
      if (entry) entries.push(entry);
    }
    if (isDone && at < through) {
      jump(through + 1, this.#end + 1);
      at = through;
    }
    return { entries, through: at };
  }

  #entryOf(record: LogRecord): T | undefined {
    const isWanted = this.#keys?.has(record.subject.split('.')[3] ?? '') ?? true;
    return isWanted ? this.#toEntry(record) : undefined;
  }
}
