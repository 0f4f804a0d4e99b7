import type { TaskEventType } from '../../actors/event.ts';
import type { RecordedEvent, Unreadable } from './recorded-event.ts';

/** What to read of the log, and from where. */
export interface ReadOptions {
  /** The sequence to begin after; 0 for the beginning. */
  readonly after: number;
  /** The last sequence to read; without it the reading goes on as the log grows. */
  readonly through?: number | undefined;
  /** Only events of these tasks. */
  readonly keys?: readonly string[] | undefined;
  /** Only events of these types. */
  readonly types?: readonly TaskEventType[] | undefined;
  /** Ends the reading at once, and frees what it holds. */
  readonly signal: AbortSignal;
}

/** What has gone from the log: its first and its last sequence. */
export interface Loss {
  readonly from: number;
  readonly to: number;
}

/** There the log has let go of events that might have been among those asked for. */
export interface Gap {
  readonly gap: Loss;
}

export type Entry = RecordedEvent | Gap | Unreadable;

/** One record of the log as it is stored, byte for byte; also of those that are no event. */
export interface LogRecord {
  readonly seq: number;
  readonly subject: string;
  readonly bytes: Uint8Array;
  /**
   * Milliseconds since 1970, by the log's clock; of an imported record, by that of the log that it came from; of what the
   * log has let go of, when the archive took it.
   */
  readonly storedAtMs: number;
}

/** One step of a reading, in log order: each step begins where the one before ended, without a hole or a double. */
export interface Page<T = Entry> {
  /** May be empty: then there was nothing of what was asked for. */
  readonly entries: readonly T[];
  /** All that was asked for has been told up to this sequence. */
  readonly through: number;
}

/** Sequences from the first to the last; `first` is `last + 1` where there are none. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** What the log and its archive hold. */
export interface Extent extends Span {
  /** Where the log itself begins: what is before that is the archive's, and may have holes there. */
  readonly held: number;
}

/** Where a date falls: sequences of the first event of that time or later, and of the last of that time or earlier. */
export interface Moment {
  readonly from: number;
  readonly until: number;
}
