/** What is known of a checkpoint before it is read. */
export interface CheckpointHead {
  /** The sequence of the last event that is in it. */
  readonly seq: number;
  /** What its lines are like: a reader takes only those that it writes itself. */
  readonly format: string;
}

export interface StoredCheckpoint extends CheckpointHead {
  readonly lines: readonly string[];
}

/**
 * The port to where checkpoints are kept: the newest one only. What is lost there costs the time to fold the
 * log again, nothing else; so whatever is not whole, or does not belong to this log, is not there.
 */
export interface CheckpointStore {
  /** The newest one that belongs to this log. All three reject, with whatever error, while the log does not answer. */
  newest(): Promise<CheckpointHead | undefined>;
  /** As `newest`, with all of its lines; undefined also if it is not whole. */
  load(): Promise<StoredCheckpoint | undefined>;
  /**
   * Puts this one in the place of the newest; false if another was put there meanwhile. `lines` is drawn on
   * piece by piece, with other work in between.
   */
  save(head: CheckpointHead, lines: Iterable<string>): Promise<boolean>;
}
