import { randomFillSync } from 'node:crypto';
import { decodeTime, ulid } from 'ulid';

// Keys are capabilities, so their 80 random bits come from the system's generator; one pool serves 256 keys,
// because a call a character costs 20-50 µs a key and this 1 µs.
const pool = new Uint8Array(4096);
let next = pool.length;

const secureRandom = (): number => {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  return (pool[next++] as number) / 256;
};

const KEY = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** A new task key: a ULID, never monotonic, so that one key says nothing of the next. */
export const newKey = (): string => ulid(undefined, secureRandom);

/** True for a ULID as `newKey` writes them: 26 characters, upper case. Nothing else becomes part of a subject. */
export const isKey = (text: unknown): text is string => typeof text === 'string' && KEY.test(text);

/** When a key was made, in milliseconds since 1970, by the clock of the process that made it. Throws on what is none. */
export const timeOf = (key: string): number => decodeTime(key);
