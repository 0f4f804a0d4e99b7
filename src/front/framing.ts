import type { Headers } from './exchange.ts';
import type { RequestHead } from './request-head.ts';

/** How the JSON texts of a feed follow each other on the wire. */
export interface Framing {
  /** The head of every feed in this framing: proxies and browsers must neither keep nor gather it. */
  readonly headers: Headers;
  /** Says nothing, wherever it stands; makes an answer begin, whose head waits for a first byte. */
  readonly filler: string;
  /** The same behind the last line. */
  readonly lastFiller: string;
  /** Lines carry where a reader may take up again. */
  readonly hasIds: boolean;
  /** `seq` is where a reader who has this may take up again; undefined where that is not to be had. */
  line(json: string, seq?: number): string;
  /** The last line of a feed in which all has been told; see `isOver`. */
  lastLine(json: string): string;
  /** Keeps a feed alive that has nothing new: `json` repeats or says so. */
  heartbeat(json: string, seq?: number): string;
}

const headersFor = (contentType: string): Headers => ({
  'Content-Type': contentType,
  'Cache-Control': 'no-cache',
  'X-Accel-Buffering': 'no',
});

const NDJSON: Framing = {
  headers: headersFor('application/x-ndjson'),
  // In front of a line, where JSON allows for it; a line of its own would have to be skipped.
  filler: ' ',
  // Whoever splits an answer into lines passes over an empty one, as a rule: there is one behind every last line end.
  lastFiller: '\n',
  hasIds: false,
  line: (json) => `${json}\n`,
  lastLine: (json) => `${json}\n`,
  heartbeat: (json) => `${json}\n`,
};

const END_ID = 'end';

const idLine = (id: number | typeof END_ID | undefined): string => (id === undefined ? '' : `id: ${id}\n`);

const SSE: Framing = {
  // Some clients take text without a charset for Latin-1.
  headers: headersFor('text/event-stream; charset=utf-8'),
  filler: ':\n\n',
  lastFiller: ':\n\n',
  hasIds: true,
  line: (json, seq) => `${idLine(seq)}data: ${json}\n\n`,
  lastLine: (json) => `${idLine(END_ID)}data: ${json}\n\n`,
  heartbeat: (_, seq) => `: nothing new\n${idLine(seq)}\n`,
};

/** Only a `GET` is asked again by browsers. */
const SSE_OF_POST: Framing = { ...SSE, lastLine: SSE.line };

/** Whether a part of `Accept` is for Server-Sent Events, whatever stands in front of its `q`, and not against them. */
function asksForEvents(range: string): boolean {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  return type === 'text/event-stream' && !parameters.some((each) => /^q=0(?:\.0*)?$/.test(each));
}

/** The framing that a request asks for; NDJSON unless it accepts Server-Sent Events. */
export function framingFor(head: RequestHead): Framing {
  if (!head.header('accept').split(',').some(asksForEvents)) return NDJSON;
  return head.method === 'POST' ? SSE_OF_POST : SSE;
}

/**
 * True for a browser's `EventSource` that has had all of a feed: it asks again whenever an answer ends, with the last id that
 * it got, and stops at a 204.
 */
export const isOver = (head: RequestHead): boolean =>
  head.header('last-event-id') === END_ID && framingFor(head) === SSE;

/** Python's `requests` is one of those. */
const WAIT_FOR_THE_NEXT = /\b(?:urllib3|python-requests)\b/i;

/**
 * What to send behind a line that none may follow for a while; empty for nearly all clients.
 *
 * uWebSockets.js sends the line end that completes a chunk with the chunk after it. Some clients hand a chunk on only when
 * they have that, and would see each line when the next one comes, up to 15 s late.
 */
export const fillerFor = (head: RequestHead, { filler }: Framing): string =>
  WAIT_FOR_THE_NEXT.test(head.header('user-agent')) ? filler : '';
