import { DAY_MS } from '../log/event-date.ts';
import { LogUnavailable } from '../log/log.ts';
import type { ArchiveVolume, LogUpkeep, LogVolume } from '../log/upkeep.ts';
import type { Logger } from '../logger.ts';

const TELL_EVERY_MS = 60_000;
/** An archive that has taken nothing for so long, though there is something to take, is not filled any more. */
const STALLED_AFTER_MS = 60_000;
/** From this share on it lets go of its oldest events for want of room. */
const FULL_AT = 0.98;

interface Parts {
  readonly upkeep: Pick<LogUpkeep, 'archive'>;
  readonly keptMs: number;
  readonly logger: Logger;
  readonly now?: () => number;
}

/**
 * Watches how the archive follows the log. What goes by size waits for it; what goes by age cannot, so an archive that
 * falls behind is told of long before.
 */
export class ArchiveWatch {
  readonly #parts: Parts;
  readonly #now: () => number;
  #volume: ArchiveVolume | undefined;
  #lag = 0;
  #movedAt: number;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Up to this sequence it has been told what the archive has missed. */
  #toldMissing = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    this.#movedAt = this.#now();
  }

  /** What it held when it was measured last. */
  get volume(): ArchiveVolume | undefined {
    return this.#volume;
  }

  /** Events that the log holds and the archive has not taken yet. */
  get lag(): number {
    return this.#lag;
  }

  /** Measures it. Resolves with the last sequence that the log may let go of: 0 while the archive does not answer. */
  async look(log: LogVolume): Promise<number> {
    try {
      return this.#measured(await this.#parts.upkeep.archive(), log);
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      if (this.#isTimeToTell())
        this.#parts.logger.warn(
          { err: error },
          'the archive does not answer: until it does, nothing goes from a full log',
        );
      return 0;
    }
  }

  #measured(volume: ArchiveVolume | undefined, log: LogVolume): number {
    const through = volume?.through ?? 0;
    if (through !== this.#volume?.through || log.lastSeq <= through) this.#movedAt = this.#now();
    this.#volume = volume;
    this.#lag = Math.max(0, log.lastSeq - Math.max(through, log.firstSeq - 1));
    this.#tellMissing(through, log);
    this.#tell(log);
    return volume?.safeThrough ?? 0;
  }

  /** An archive that has just been made has taken nothing yet, and misses nothing that it could have had. */
  #tellMissing(through: number, { firstSeq }: LogVolume): void {
    const isMissing = through > 0 && through < firstSeq - 1 && firstSeq - 1 > this.#toldMissing;
    if (!isMissing) return;
    this.#parts.logger.error(
      { from: Math.max(through, this.#toldMissing) + 1, to: firstSeq - 1 },
      'the log has let go of events that the archive has not taken: they are lost',
    );
    this.#toldMissing = firstSeq - 1;
  }

  #tell(log: LogVolume): void {
    const reason = this.#reason();
    if (!reason || !this.#isTimeToTell()) return;
    this.#parts.logger.warn({ lagEvents: this.#lag, logFrom: log.firstSeq, ...this.#volume }, reason);
  }

  #isTimeToTell(): boolean {
    if (this.#now() - this.#toldAt < TELL_EVERY_MS) return false;
    this.#toldAt = this.#now();
    return true;
  }

  #reason(): string | undefined {
    if (!this.#volume)
      return (
        'there is no archive of this log: nothing is archived, and nothing goes from a full log; ' +
        'remove the stream ARCHIVE if it is that of another log, and start this front anew to have one made'
      );
    if (!this.#volume.isFilled)
      return (
        'the archive is not filled any more, events that go by age will be lost to it: a front that was started with ' +
        'ARCHIVE_DAYS=0, or without it, has turned it off; give all fronts the same ARCHIVE_DAYS, then start one anew'
      );
    if (this.#lag > 0 && this.#now() - this.#movedAt > STALLED_AFTER_MS)
      return 'the archive does not follow the log: events that go by age will be lost to it';
    const { bytes, allowedBytes, oldestMs } = this.#volume;
    if (bytes < allowedBytes * FULL_AT || oldestMs === undefined) return undefined;
    const days = Math.floor((Date.now() - oldestMs) / DAY_MS);
    return `the archive is full (MAX_ARCHIVE_BYTES): it keeps ${days} days instead of ${this.#parts.keptMs / DAY_MS}`;
  }
}
