import { isUtf8 } from 'node:buffer';
import type { Exchange } from './exchange.ts';
import { invalid } from './request-error.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 32;
/**
 * Members of objects, objects and lists. Five megabytes of names that all differ, or eight of empty objects, take V8 half a
 * second and more, in which nobody else is served; so many, 75 ms.
 */
const MAX_MEMBERS = 100_000;

/** The body as a JSON object, whatever its `Content-Type` says. Rejects with a 400 that names what is wrong. */
export async function readJson(exchange: Exchange, limit: number): Promise<JsonObject> {
  return parseJson(await exchange.body(limit));
}

export function parseJson(bytes: Buffer): JsonObject {
  if (bytes.length === 0) throw invalid('body', 'body', 'body is missing, it must be a JSON object');
  if (!isUtf8(bytes)) throw invalid('body', 'body', 'body is not valid UTF-8');
  const excess = findExcess(bytes);
  if (excess) throw invalid('body', 'body', excess);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw invalid('body', 'body', `body is not valid JSON: ${brief((error as Error).message)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('body', 'body', 'body must be a JSON object');
  return value as JsonObject;
}

// V8 quotes the text around the error, and a credential may stand there.
const brief = (message: string): string => message.split(/, "|, \.\.\."/, 1)[0]?.slice(0, 100) ?? '';

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_OBJECT, OPEN_LIST] = [0x7b, 0x5b];
const [CLOSE_OBJECT, CLOSE_LIST] = [0x7d, 0x5d];

/**
 * What there is too much of: levels, or members. Told by the bytes, before anything is parsed: 8 MB of brackets
 * took a second and 300 MB to parse, only to be refused. What is no JSON is for the parser to tell.
 */
function findExcess(json: Buffer): string | undefined {
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
    if (depth > MAX_DEPTH) return `body is nested more than ${MAX_DEPTH} levels deep`;
    if (members > MAX_MEMBERS) return `body has more than ${MAX_MEMBERS.toLocaleString('en')} members`;
  }
  return undefined;
}
