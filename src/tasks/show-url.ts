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
