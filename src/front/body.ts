import { isUtf8 } from 'node:buffer';
import type { Exchange } from './exchange.ts';
import { invalid } from './request-error.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 32;

/** The body as a JSON object, whatever its `Content-Type` says. Rejects with a 400 that names what is wrong. */
export async function readJson(exchange: Exchange, limit: number): Promise<JsonObject> {
  return parseJson(await exchange.body(limit));
}

export function parseJson(bytes: Buffer): JsonObject {
  if (bytes.length === 0) throw invalid('body', 'body', 'body is missing, it must be a JSON object');
  if (!isUtf8(bytes)) throw invalid('body', 'body', 'body is not valid UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw invalid('body', 'body', `body is not valid JSON: ${brief((error as Error).message)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('body', 'body', 'body must be a JSON object');
  if (isDeeperThan(value, MAX_DEPTH))
    throw invalid('body', 'body', `body is nested more than ${MAX_DEPTH} levels deep`);
  return value as JsonObject;
}

// V8 quotes the text around the error, and a credential may stand there.
const brief = (message: string): string => message.split(/, "|, \.\.\."/, 1)[0]?.slice(0, 100) ?? '';

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const member of Object.values(value)) if (isDeeperThan(member, levels - 1)) return true;
  return false;
}
