/** What the log holds at a moment. Times are the log's own: the clocks of other machines may differ from it. */
export interface LogVolume {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** When the log was made: tells it from another one that took its place. */
  readonly madeAt: string;
  /** The sequence of the oldest event; one more than `lastSeq` in a log that holds none. */
  readonly firstSeq: number;
  /** The highest sequence that was ever given out; 0 in a new log. */
  readonly lastSeq: number;
  readonly events: number;
  readonly bytes: number;
  /** What it may hold before it refuses every event. */
  readonly allowed: LogLimits;
}

/** What a log may hold at most. */
export interface LogLimits {
  readonly events: number;
  readonly bytes: number;
}

/** What the archive has of the log, and holds. */
export interface ArchiveVolume {
  /** Whether it takes what comes into the log; else it has been turned off. */
  readonly isFilled: boolean;
  /** The sequence of the last event that it has taken; 0 if it holds none. */
  readonly through: number;
  /** The same of the last one that a crash cannot take from it any more. */
  readonly safeThrough: number;
  readonly events: number;
  /** As the events are, without their compression. */
  readonly bytes: number;
  /** What it may hold before its oldest events go. */
  readonly allowedBytes: number;
  /** When it took its oldest event, in milliseconds since 1970; undefined if it holds none. */
  readonly oldestMs: number | undefined;
}

/** The port to what keeps the log within its bounds. All of it is harmless when several processes do it at once. */
export interface LogUpkeep {
  /** Undefined if there is no log any more. Rejects with `LogUnavailable`. */
  volume(): Promise<LogVolume | undefined>;
  /** Undefined if there is no archive of this log. Rejects with `LogUnavailable`. */
  archive(): Promise<ArchiveVolume | undefined>;
  /** The key of the task whose event has this sequence; undefined if there is none. Rejects with `LogUnavailable`. */
  keyAt(seq: number): Promise<string | undefined>;
  /** The sequence of the first event that was stored at that time or later; undefined if there is none. Rejects with `LogUnavailable`. */
  firstSince(ms: number): Promise<number | undefined>;
  /**
   * Lets go of every event before this sequence. Nothing is stored meanwhile: 240-290 ms, however many they are. Rejects,
   * as the next does, with the server's own error, so that a refusal is not taken for a log that is away.
   */
  letGo(before: number): Promise<void>;
  /** Sets what the log may hold before it refuses every event. */
  allow(limits: LogLimits): Promise<void>;
}
