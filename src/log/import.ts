import type { LogRecord, Loss } from './reading.ts';

export interface ImportOptions {
  /** The sequence of the first record. */
  readonly first: number;
  /** See `EventLog.isPart`. */
  readonly isPart: boolean;
  /** When it is aborted, `store` may reject with its reason. */
  readonly signal: AbortSignal;
}

/**
 * The port to a log that is being filled with the records of another one, each at its own sequence, its bytes and its
 * time as they were. Nobody takes it for a log before it is finished. All reject with `LogUnavailable`, `LogFull` or
 * `EventRefused`; after that it can only be abandoned.
 */
export interface LogImport {
  /** In the order of the sequences. */
  store(record: LogRecord): Promise<void>;
  /** Resolves when all of it is stored and it has become a log. Of what is missing, `lost` had been let go of. */
  finish(lost?: readonly Loss[]): Promise<void>;
  /** Removes it, so that there is no log, as before. */
  abandon(): Promise<void>;
}

/** A log is only imported where there is none. */
export class LogNotEmpty extends Error {
  override readonly name = 'LogNotEmpty';
}
