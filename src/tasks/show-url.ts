const SHOWN_LENGTH = 300;
const REPLACEMENT = '\ufffd';
// Control, formatting (bidi, zero-width), line and paragraph separators, and lone surrogates.
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

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

/** How a URL begins, for a parser that drops tabs and line ends anywhere, and blanks in front. */
const URL_START = /^(?:https?:|[a-z][a-z0-9+.-]*:[/\\]{2}|[/\\]{2})/i;
const DROPPED = /^[\p{Cc} ]+|[\t\r\n]/gu;

/**
 * What a client sent, with the user information of every URL in it replaced. No source may have any, so nothing is lost
 * by it, and a password that was sent by mistake is in no log, and in no status, which needs only a key to be read.
 */
export function withoutPasswords<T>(value: T): T {
  if (typeof value === 'string') return (value.includes('@') ? shownSafely(value) : value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutPasswords) as T;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withoutPasswords(inner)]),
  ) as T;
}

function shownSafely(text: string): string {
  const read = text.replace(DROPPED, '');
  const shown = URL_START.test(read) ? withoutUserInformation(read) : read;
  return shown === read ? text : shown;
}

// By hand rather than by `new URL`: the text may be one that does not parse, and must still not give away a
// password. Index walks, not a pattern, because the text can be long and made to backtrack.
function withoutUserInformation(text: string): string {
  let start = /^[/\\]/.test(text) ? 0 : text.indexOf(':') + 1;
  while (start < text.length && `/\\${REPLACEMENT}`.includes(text.charAt(start))) start += 1;
  const length = text.slice(start).search(/[/\\?#]/);
  const authority = length === -1 ? text.slice(start) : text.slice(start, start + length);
  const at = authority.lastIndexOf('@');
  return at === -1 ? text : `${text.slice(0, start)}***${text.slice(start + at)}`;
}
