export interface FailureOptions {
  /** False without it. */
  readonly passing?: boolean;
  readonly retryAfterMs?: number | undefined;
  /** For our log; no client reads it. */
  readonly cause?: unknown;
}

/**
 * Why an attempt failed, in words for the client who sent the task.
 *
 * `passing` says whether another attempt could end otherwise: a network fault or a 503 passes, a broken
 * image does not. The message becomes the task's `result`, so it names the source and never an internal.
 */
export class TaskFailure extends Error {
  override readonly name = 'TaskFailure';
  readonly passing: boolean;
  /** For how long whoever caused it asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.passing = options.passing ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
