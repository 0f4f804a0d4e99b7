/**
 * uWebSockets.js gathers 16 kB under a cork. What does not fit it sends beside that, and spoils it where the system takes only
 * a part: bytes of the framing are there twice, and the client reads nonsense.
 */
const GATHERED_BYTES = 15_000;
/** Of a text in UTF-8, for each of its units. */
const BYTES_AT_MOST = 3;

/** A chunk of an answer, cut into what can be written by itself. */
export function piecesOf(chunk: string): readonly (string | Uint8Array)[] {
  if (chunk.length * BYTES_AT_MOST <= GATHERED_BYTES) return [chunk];
  const bytes = Buffer.from(chunk);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += GATHERED_BYTES)
    pieces.push(bytes.subarray(at, at + GATHERED_BYTES));
  return pieces;
}
