import type { Exchange } from './exchange.ts';
import type { Framing } from './history-lines.ts';

/** Python's `requests` is one of those. */
const WAIT_FOR_THE_NEXT = /\b(?:urllib3|python-requests)\b/i;

/**
 * What to send behind a line that none may follow for a while; empty for nearly all clients.
 *
 * uWebSockets.js sends the line end that completes a chunk with the chunk after it. Some clients hand a chunk on only when
 * they have that, and would see each line when the next one comes, up to 15 s late.
 */
export const fillerFor = ({ head }: Exchange, { filler }: Framing): string =>
  WAIT_FOR_THE_NEXT.test(head.header('user-agent')) ? filler : '';
