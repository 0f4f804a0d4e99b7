import { Fault } from './fault.ts';
import type { FetchLimits } from './limits.ts';

const SHOWN_LENGTH = 300;
const REPLACEMENT = '\ufffd';
// Control, formatting (bidi, zero-width), line and paragraph separators, and lone surrogates.
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * The only parse of what a stranger wrote. All that follows works on the result, so that two readings of one
 * text can never differ. Throws `Fault`.
 */
export function parseSourceUrl(
  text: string,
  { maxUrlLength }: Pick<FetchLimits, 'maxUrlLength'>,
  base?: URL,
): URL {
  if (text.length > maxUrlLength) throw new Fault(`is longer than ${maxUrlLength} characters`);
  if (!URL.canParse(text, base?.href)) throw new Fault('is not an http or https URL');
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Fault('is not an http or https URL');
  if (url.username !== '' || url.password !== '') throw new Fault('names user information');
  if (url.href.length > maxUrlLength) throw new Fault(`is longer than ${maxUrlLength} characters`);
  return url;
}

/** Host without the brackets of an IPv6 literal. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/** The port in effect; 0 when the URL says 0. */
export const portOf = (url: URL): number => {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
};

/**
 * A URL as it may stand in a result or a log line: as written, but user information and what a terminal or
 * a reader could trip over replaced, and cut to 300 characters.
 */
export function showUrl(text: string): string {
  const shown = withoutUserInformation(text.replace(UNSHOWABLE, REPLACEMENT));
  if (shown.length <= SHOWN_LENGTH) return shown;
  // The cut may leave half a surrogate pair, which is no text.
  return `${shown.slice(0, SHOWN_LENGTH - 1).replace(/\p{Cs}$/u, '')}…`;
}

// By hand rather than by `new URL`: the text may be one that does not parse, and must still not give away a
// password. Index walks, not a pattern, because the text can be long and made to backtrack.
function withoutUserInformation(text: string): string {
  let start = text.indexOf(':') + 1;
  while (start < text.length && `/\\${REPLACEMENT}`.includes(text.charAt(start))) start += 1;
  const length = text.slice(start).search(/[/\\?#]/);
  const authority = length === -1 ? text.slice(start) : text.slice(start, start + length);
  const at = authority.lastIndexOf('@');
  return at === -1 ? text : `${text.slice(0, start)}***${text.slice(start + at)}`;
}
