import { type Problem, RequestError } from './request-error.ts';

/** Of all answers that are held at once; what is no larger than other answers is let through all the same. */
const MOST_BYTES = 512 * 1024 * 1024;
const SMALL_BYTES = 1024 * 1024;

/** Bytes of answers that this front holds, whole, while they are made and until their clients have taken them. */
let held = 0;

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
  if (bytes <= SMALL_BYTES || held <= MOST_BYTES) return;
  const description =
    'other large answers have not been taken yet, ask for fewer tasks at a time or try again later';
  throw new RequestError(503, [{ name: 'tasks', location, description }], { 'Retry-After': '1' });
}
