/** Bytes of answers that this front holds, whole, while they are made and until their clients have taken them. */
let held = 0;

export const heldBytes = (): number => held;

/** Counts so many bytes more; gives what counts them no more. */
export function hold(bytes: number): () => void {
  held += bytes;
  let isHeld = true;
  return () => {
    if (isHeld) held -= bytes;
    isHeld = false;
  };
}
