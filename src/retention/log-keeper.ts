import { LogUnavailable } from '../log/log.ts';
import type { LogLimits, LogUpkeep, LogVolume } from '../log/upkeep.ts';
import type { Logger } from '../logger.ts';
import type { Projection } from '../projection/projection.ts';
import type { TaskState } from '../projection/state.ts';
import { allowanceFor } from './allowance.ts';
import type { ArchiveWatch } from './archive-watch.ts';
import { FULL_AT, type LogRoom } from './log-room.ts';
import { marginMs, type OverdueTasks } from './overdue-tasks.ts';
import { planPurge } from './purge.ts';

const MEASURE_EVERY_MS = 1_000;
const TELL_EVERY_MS = 60_000;
/** A server that starts shows less for a moment, and so does a leader that does not know yet that it is none: 10 s. */
const LOST_AFTER_MS = 12_000;

interface Parts {
  readonly upkeep: LogUpkeep;
  readonly projection: Projection;
  readonly room: LogRoom;
  readonly overdue: OverdueTasks;
  /** Where there is to be an archive: nothing goes for want of room before it has it. */
  readonly archive?: ArchiveWatch | undefined;
  readonly limits: LogLimits;
  readonly retentionMs: number;
  readonly logger: Logger;
  /** The log that this front has folded is not there any more: nothing that it knows is true. */
  onLogLost(reason: string): void;
  readonly lostAfterMs?: number;
}

/**
 * Keeps the log within its bounds, as any front does for all: measures it every second, lets go of old events when
 * it is nearly full, ends tasks that it is about to let go of by age, and tells what holds its room.
 */
export class LogKeeper {
  readonly #parts: Parts;
  readonly #timer: NodeJS.Timeout;
  readonly #endOverdueEveryMs: number;
  #volume: LogVolume | undefined;
  /** What the log held at an earlier look, as long as that had not been folded. */
  #unfolded: LogVolume | undefined;
  #endOverdueAt = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #missedSince: number | undefined;
  #isBusy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#endOverdueEveryMs = Math.min(60_000, marginMs(parts.retentionMs) / 20);
    this.#timer = setInterval(() => void this.look(), MEASURE_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** What the log held when it was measured last. */
  get volume(): LogVolume | undefined {
    return this.#volume;
  }

  /** How much of the log cannot be let go of, because it is not older than the oldest open task. */
  get held(): { readonly events: number; readonly bytes: number } {
    const oldest = this.#parts.projection.oldestOpen;
    const events = oldest ? this.#parts.projection.seq - oldest.queuedSeq + 1 : 0;
    return { events, bytes: Math.round(events * this.#parts.room.use().eventBytes) };
  }

  /** Measures the log, and does what is to be done. A log that cannot be reached is looked at again next time. */
  async look(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.#keep();
    } catch (error) {
      // When it answers again, it may be one that has just started, or another leader, and shows less once more.
      if (error instanceof LogUnavailable) this.#missedSince = undefined;
      else this.#parts.logger.error({ err: error }, 'could not look after the log');
    } finally {
      this.#isBusy = false;
    }
  }

  async #keep(): Promise<void> {
    const { last } = this.#parts.projection;
    const volume = await this.#parts.upkeep.volume();
    const isFolded = await this.#isFolded(volume, last);
    if (!volume || !isFolded) return;
    this.#volume = volume;
    this.#parts.room.measured(volume);
    const folded = this.#foldedOf(volume);
    const { firstSeq, lastSeq } = folded ?? volume;
    this.#parts.projection.forgetBefore(firstSeq, lastSeq);
    const archivedThrough = await this.#parts.archive?.look(volume);
    await this.#purge(volume, archivedThrough ?? Number.POSITIVE_INFINITY);
    // Until all has been folded, what has left the log may still be taken for open.
    if (performance.now() < this.#endOverdueAt || !folded) return;
    await this.#parts.overdue.end(folded);
    this.#endOverdueAt = performance.now() + this.#endOverdueEveryMs;
  }

  /**
   * What the log held at the newest look of which all has been folded. Under load the fold is always a moment behind the
   * log, and by the next look where that ended. Undefined where it is further behind.
   */
  #foldedOf(volume: LogVolume): LogVolume | undefined {
    const { projection } = this.#parts;
    const folded = [volume, this.#unfolded].find((held) => held && held.lastSeq <= projection.seq);
    if (folded === volume) this.#unfolded = undefined;
    else if (folded) this.#unfolded = volume;
    else this.#unfolded ??= volume;
    return folded;
  }

  /**
   * Whether this is the log that the front has folded, and all of it. A server that lost the end of its log with a
   * power cut gives the same sequences to other events.
   */
  async #isFolded(volume: LogVolume | undefined, last: Projection['last']): Promise<boolean> {
    const { upkeep, onLogLost, lostAfterMs = LOST_AFTER_MS } = this.#parts;
    const known = this.#volume;
    if (volume && known && known.madeAt !== volume.madeAt) {
      onLogLost(`the log of ${known.madeAt} has been replaced by one of ${volume.madeAt}`);
      return false;
    }
    const isThere =
      !last || !volume || last.seq < volume.firstSeq || (await upkeep.keyAt(last.seq)) === last.key;
    if (volume && isThere) {
      this.#missedSince = undefined;
      return true;
    }
    this.#missedSince ??= performance.now();
    if (performance.now() - this.#missedSince >= lostAfterMs)
      onLogLost(
        volume ? `the log has lost its event ${last?.seq}, and what came after it` : 'the log is gone',
      );
    return false;
  }

  async #purge(volume: LogVolume, archivedThrough: number): Promise<void> {
    const { projection, room, limits, logger, upkeep } = this.#parts;
    const oldest = projection.oldestOpen;
    const use = room.use();
    const openFrom = oldest?.queuedSeq ?? Number.POSITIVE_INFINITY;
    const keepFrom = Math.min(openFrom, projection.seq + 1, archivedThrough + 1);
    const { wanted, before } = planPurge({ use, limits, volume, keepFrom });
    if (before !== undefined) {
      const startedAt = performance.now();
      await upkeep.letGo(before);
      const tookMs = Math.round(performance.now() - startedAt);
      logger.info({ events: before - volume.firstSeq, before, tookMs }, 'let go of old events to make room');
    } else {
      const allowed = allowanceFor(limits, volume);
      if (allowed) await this.#allow(allowed);
      if (wanted === 0) return;
      if (oldest && openFrom <= archivedThrough + 1) this.#tellOldest(oldest, use.share);
      else if (archivedThrough < projection.seq) this.#tellUnarchived(volume, archivedThrough, use.share);
    }
  }

  async #allow(allowed: LogLimits): Promise<void> {
    const { upkeep, limits, logger } = this.#parts;
    if (allowed === limits) logger.info({ allowed }, 'the log is below its limits again');
    else
      logger.error(
        { allowed, limits },
        'the log is full: it gets more than its limits, or no task could end',
      );
    await upkeep.allow(allowed);
  }

  #tellOldest({ key, name, status, queued }: TaskState, share: number): void {
    const ageSeconds = Math.round((Date.now() - Date.parse(queued)) / 1_000);
    const { events, bytes } = this.held;
    const about = { key, name, status, ageSeconds, heldEvents: events, heldBytes: bytes };
    this.#tell(about, share, 'its oldest open task keeps old events from going');
  }

  #tellUnarchived({ events, lastSeq }: LogVolume, archivedThrough: number, share: number): void {
    const about = { unarchivedEvents: Math.min(events, lastSeq - archivedThrough) };
    this.#tell(about, share, 'its events stay until they are safe in the archive, some minutes each');
  }

  /** Every minute, what stands in the way of making room. */
  #tell(about: object, share: number, reason: string): void {
    if (performance.now() - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = performance.now();
    const how = share > FULL_AT ? 'the log is full, creates are refused' : 'the log is nearly full';
    this.#parts.logger.warn({ ...about, share }, `${how}: ${reason}`);
  }
}
