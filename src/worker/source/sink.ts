/** Where a whole body is. */
export type Kept = { readonly path: string } | { readonly data: Uint8Array };

/** Takes in a body, piece by piece. */
export interface Sink {
  /** So many bytes will come, if the source tells the truth. */
  expect(bytes: number): void;
  /** Copies the piece. False when the sender should wait for `drained` before it reads more; what it has read it may add. */
  add(piece: Uint8Array): boolean;
  /** Resolves when there may be more. Rejects with the system's error. */
  drained(): Promise<void>;
  /** That was all. Rejects with the system's error. */
  finish(): Promise<Kept>;
  /** Resolves when nothing is done with the room that it took any more, whatever state it is in. */
  discard(): Promise<void>;
}
