import type { StoredEvent } from '../../envelope.ts';
import type { Gap, Moment, Page, ReadOptions } from '../../reading.ts';
import { asUnavailable } from '../history.ts';
import type { ReaderParts } from '../patience.ts';
import type { ToEntry } from '../reader.ts';
import { fillGaps } from './fill-gaps.ts';
import { newestOfEach, readArchived, readSequences } from './history.ts';
import { locateArchived } from './locate.ts';
import { ArchiveReader } from './reader.ts';
import { seqAt, slotsOf } from './record.ts';

interface Missing {
  /** Where the log begins. */
  readonly before: number;
  readonly through: number | undefined;
  /** Where there is more of the task than is found in one go. */
  readonly late: readonly number[];
}

/** What the log has let go of, as far as the archive has it. */
export class Archive {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Pages of the log, with what is archived in the place of their gaps. */
  fillGaps<T extends object>(
    pages: AsyncIterable<Page<T | Gap>>,
    { keys, signal }: ReadOptions,
    toEntry: ToEntry<T>,
  ): AsyncIterable<Page<T | Gap>> {
    const read = ({ from, to }: Gap['gap']): AsyncIterable<Page<T | Gap>> =>
      new ArchiveReader(this.#parts, { after: from - 1, through: to, keys, signal }, toEntry).pages();
    return fillGaps(pages, read, signal);
  }

  /** A task's events, of which the log holds these: together with what came before. Rejects as `EventLog.history` does. */
  async complete(
    held: readonly StoredEvent[],
    key: string,
    { before, through, late }: Missing,
  ): Promise<StoredEvent[]> {
    const { manager } = this.#parts;
    try {
      const archived = await readArchived(manager, key, before);
      const known = new Set(archived.map(({ seq }) => seq));
      const others = late.filter((seq) => seq < before && !known.has(seq));
      return newestOfEach([...archived, ...(await readSequences(manager, key, others)), ...held], through);
    } catch (cause) {
      throw asUnavailable(`could not read the archived history of ${key}`, cause);
    }
  }

  /** See `EventLog.locate`. Undefined if nothing is archived. */
  locate(date: string): Promise<Moment | undefined> {
    return locateArchived(this.#parts.manager, date);
  }

  /** The sequence of the oldest record. Undefined if nothing is archived. Rejects with `LogUnavailable`. */
  async first(): Promise<number | undefined> {
    const { manager } = this.#parts;
    try {
      const slots = await slotsOf(manager);
      return slots && (await seqAt(manager, slots.first));
    } catch (cause) {
      throw asUnavailable('the archive does not answer', cause);
    }
  }
}
