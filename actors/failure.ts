/**
 * Why an attempt failed, in words for the client who sent the task.
 *
 * `passing` says whether another attempt could end otherwise: a network fault or a 503 passes, a broken
 * image does not. The message becomes the task's `result`, so it names the source and never an internal.
 */
export class TaskFailure extends Error {
  override readonly name = 'TaskFailure';
  readonly passing: boolean;

  constructor(message: string, options: { readonly passing?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.passing = options.passing ?? false;
  }
}
