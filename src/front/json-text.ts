const MAX_DEPTH = 32;
/**
 * Members of objects, objects and lists. Five megabytes of names that all differ, or eight of empty objects, take V8 half a
 * second and more, in which nobody else is served; so many, 75 ms.
 */
const MAX_MEMBERS = 100_000;

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_OBJECT, OPEN_LIST] = [0x7b, 0x5b];
const [CLOSE_OBJECT, CLOSE_LIST] = [0x7d, 0x5d];

/**
 * What there is too much of: levels, or members. Told by the bytes, before anything is parsed: 8 MB of brackets
 * took a second and 300 MB to parse, only to be refused. What is no JSON is for the parser to tell.
 */
export function findExcess(json: Buffer): string | undefined {
  let depth = 0;
  let members = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) isInString = !isInString;
    else if (isInString) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      depth += 1;
      members += 1;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth -= 1;
    else if (byte === COLON) members += 1;
    if (depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} levels deep`;
    if (members > MAX_MEMBERS) return `has more than ${MAX_MEMBERS.toLocaleString('en')} members`;
  }
  return undefined;
}

/** Half of a character, which UTF-8 cannot write and many parsers refuse, comes only by its escape. */
const HALF = /\p{Cs}/u;
const ESCAPED_HALF = /\\u[dD][89a-fA-F]/;

/** Whether all names and texts of the value, which `json` is the text of, can be written in UTF-8. */
export const isWritable = (json: string, value: unknown): boolean =>
  !ESCAPED_HALF.test(json) || isWellFormed(value);

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return !HALF.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, inner]) => !HALF.test(name) && isWellFormed(inner));
}

export const NOT_WRITABLE = 'has half of a character (a surrogate without the other one)';
