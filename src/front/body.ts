import { isUtf8 } from 'node:buffer';
import type { Exchange } from './exchange.ts';
import { findExcess, isWritable, NOT_WRITABLE } from './json-text.ts';
import { invalid } from './request-error.ts';
import type { RequestHead } from './request-head.ts';
import { wholeBody } from './whole-body.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The body as a JSON object, whatever its `Content-Type` says. Rejects with a 400 that names what is wrong. */
export async function readJson(exchange: Exchange, limit: number): Promise<JsonObject> {
  return parseJson(await wholeBody(exchange, limit));
}

/** What the body's length was announced to be; Infinity where it was not. */
export const bodyBytes = (head: RequestHead): number => Number(head.header('content-length')) || Infinity;

/** The same of a body that is there whole. Throws that 400. */
export function parseJson(bytes: Buffer): JsonObject {
  if (bytes.length === 0) throw invalid('body', 'body', 'body is missing, it must be a JSON object');
  if (!isUtf8(bytes)) throw invalid('body', 'body', 'body is not valid UTF-8');
  const excess = findExcess(bytes);
  if (excess) throw invalid('body', 'body', `body ${excess}`);
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid('body', 'body', `body is not valid JSON: ${brief((error as Error).message)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('body', 'body', 'body must be a JSON object');
  if (!isWritable(text, value)) throw invalid('body', 'body', `body ${NOT_WRITABLE}`);
  return value as JsonObject;
}

// V8 quotes the text around the error, and a credential may stand there.
const brief = (message: string): string => message.split(/, "|, \.\.\."/, 1)[0]?.slice(0, 100) ?? '';
