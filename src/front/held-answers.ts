import { type Problem, tryLater } from './request-error.ts';

/** From here on an answer is sent as a file is, which a client may take slowly, and counts. */
export const LARGE_BYTES = 64 * 1024;
/** What is no larger than other answers is let through while no more than twice the bound is held. */
const SMALL_BYTES = 1024 * 1024;
/** Of all answers that are held at once. */
const MOST_BYTES = 512 * 1024 * 1024;

/** Bytes of answers that this front holds, whole, while they are made and until their clients have taken them. */
let held = 0;

/** Of all large answers together, at this moment. */
export const heldBytes = (): number => held;

/** Counts so many bytes more. Returns what takes them off again, which may be called more often. */
export function hold(bytes: number): () => void {
  held += bytes;
  let isHeld = true;
  return () => {
    if (isHeld) held -= bytes;
    isHeld = false;
  };
}

/**
 * Throws a 503 `RequestError` if an answer is so large, and so much is held for others, that this one cannot be held too.
 * `location` is where its keys stand in the request.
 */
export function checkHeld(bytes: number, location: Problem['location']): void {
  const most = bytes <= SMALL_BYTES ? 2 * MOST_BYTES : MOST_BYTES;
  if (bytes <= LARGE_BYTES || held <= most) return;
  const description =
    'other large answers have not been taken yet, ask for fewer tasks at a time or try again later';
  throw tryLater(location, 'tasks', description);
}
