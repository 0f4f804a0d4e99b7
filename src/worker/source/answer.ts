import { Fault } from './fault.ts';
import { type FetchLimits, inBytes } from './limits.ts';

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What the head of an answer promises: a body, or another place to look. */
export type Head =
  | {
      readonly kind: 'body';
      /** Bytes, when the answer says. */
      readonly length: number | undefined;
      readonly contentType: string | undefined;
      /** True when nothing but the end of the connection marks the end of the body. */
      readonly endsWithConnection: boolean;
    }
  | { readonly kind: 'redirect'; readonly location: string };

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PASSING = new Set([408, 429]);

/** Judges a final answer by its head, before any of its body is looked at. Throws `Fault`. */
export function readHead(status: number, headers: Headers, { maxBytes }: FetchLimits): Head {
  if (REDIRECTS.has(status)) {
    const { location } = headers;
    if (typeof location !== 'string' || location === '')
      throw new Fault(`answered ${status} and does not say where to go`);
    return { kind: 'redirect', location };
  }
  // 206 and 204 too: nothing but a whole body is a source.
  if (status !== 200)
    throw new Fault(`answered ${status}`, {
      passing: PASSING.has(status) || (status >= 500 && status < 600),
      retryAfterMs: retryAfter(headers),
    });
  refuseCodings(headers);
  const length = lengthOf(headers);
  if (length !== undefined && length > maxBytes) throw tooLarge(maxBytes);
  const endsWithConnection = length === undefined && headers['transfer-encoding'] === undefined;
  return { kind: 'body', length, contentType: typeOf(headers), endsWithConnection };
}

// It goes into the log, so it is no longer than a name of a type has to be, and nothing but that.
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}(?=[\s;]|$)/;

function typeOf(headers: Headers): string | undefined {
  const type = headers['content-type'];
  return typeof type === 'string' ? MEDIA_TYPE.exec(type.trim().toLowerCase())?.[0] : undefined;
}

/** What is wrong with a source of more than `maxBytes` bytes. */
export const tooLarge = (maxBytes: number): Fault => new Fault(`is larger than ${inBytes(maxBytes)}`);

// A kilobyte of gzip can be a gigabyte of zeros, and we asked for `identity`.
function refuseCodings(headers: Headers): void {
  const content = codingsOf(headers['content-encoding']);
  const transfer = codingsOf(headers['transfer-encoding']);
  if (transfer.at(-1) === 'chunked') transfer.pop();
  const refused = content.every((coding) => coding === 'identity') ? transfer : content;
  if (refused.length === 0) return;
  const shown = refused.every((coding) => /^[\w.*+-]+$/.test(coding))
    ? refused.join(', ').slice(0, 40)
    : 'unknown';
  throw new Fault(`is compressed (${shown})`);
}

/** By hand: a pattern for blanks tries each of 16,000 anew, which takes a second of the worker. */
const codingsOf = (values: string | string[] = []): string[] =>
  [values]
    .flat()
    .flatMap((value) => value.split(','))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '');

/** RFC 9110, 10.2.3: a number of seconds, or a date. Undefined for anything else. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  // Every form of an HTTP date begins with the day; Date.parse would read a year into nearly anything.
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

// What is no single number never comes here: the parser refuses it.
function lengthOf(headers: Headers): number | undefined {
  const length = headers['content-length'];
  return typeof length === 'string' && /^\d+$/.test(length) ? Number(length) : undefined;
}
