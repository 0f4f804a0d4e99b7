/**
 * The port by which fronts tell all workers which tasks they have canceled. It is hearsay and is not stored:
 * the log has the ends, this only saves workers from finding them later.
 */
export interface Cancellations {
  tell(keys: readonly string[]): void;
  listen(onCanceled: (key: string) => void): void;
}
