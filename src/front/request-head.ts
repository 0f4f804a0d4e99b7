/** What a request says before its body; read at once, because uWebSockets.js takes it back after the handler. */
export interface RequestHead {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  /** Without the question mark, still percent-encoded; '' if there is none. */
  readonly query: string;
  /** Its value; '' if it was not sent. */
  header(name: HeaderName): string;
}

const HEADERS = [
  'accept',
  'authorization',
  'cache-control',
  'connection',
  'content-length',
  'idempotency-key',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'last-event-id',
  'origin',
  'range',
  'referer',
  'referrer',
  'user-agent',
] as const;
type HeaderName = (typeof HEADERS)[number];

/** What of a request is read; uWebSockets.js' own request fits. */
interface Sent {
  getMethod(): string;
  getUrl(): string;
  /** Undefined where there is no question mark, whatever its types say. */
  getQuery(): string | undefined;
  getHeader(name: string): string;
}

/** To be called before the handler returns; what it gives may be kept. */
export function readHead(sent: Sent): RequestHead {
  const headers = new Map<HeaderName, string>();
  for (const name of HEADERS) {
    const value = sent.getHeader(name);
    if (value !== '') headers.set(name, decode(value));
  }
  return {
    method: sent.getMethod().toUpperCase(),
    path: sent.getUrl(),
    query: sent.getQuery() ?? '',
    header: (name) => headers.get(name) ?? '',
  };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * uWebSockets.js hands out each byte of a header as a character of its own. What is valid UTF-8 was meant as that, the
 * rest as the Latin-1 it now is. (It has cut off such bytes at the ends, for whitespace; nothing brings those back.)
 */
function decode(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  try {
    return UTF8.decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}
