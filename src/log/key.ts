import { randomFillSync } from 'node:crypto';
import { decodeTime, encodeTime } from 'ulid';

const ALPHABET = Buffer.from('0123456789ABCDEFGHJKMNPQRSTVWXYZ');
const TIME_LETTERS = 10;
const RANDOM_LETTERS = 16;

// Keys are capabilities, so their 80 random bits come from the system's generator, for 256 keys at once: 0.2 µs a key.
// With a call a letter the package takes 20-50 µs, and 0.7 with such a pool behind it.
const letters = Buffer.alloc(256 * RANDOM_LETTERS);
let next = letters.length;
let cachedMs = -1;
let cachedTime = '';

function randomLetters(): string {
  if (next === letters.length) {
    randomFillSync(letters);
    // With `entries` it makes a kilobyte of garbage a key.
    for (let at = 0; at < letters.length; at++)
      letters[at] = ALPHABET[(letters[at] as number) % ALPHABET.length] as number;
    next = 0;
  }
  next += RANDOM_LETTERS;
  return letters.toString('latin1', next - RANDOM_LETTERS, next);
}

function timeLetters(ms: number): string {
  if (ms !== cachedMs) {
    cachedTime = encodeTime(ms, TIME_LETTERS);
    cachedMs = ms;
  }
  return cachedTime;
}

/** Of a regular expression. */
export const KEY_PATTERN = '[0-7][0-9A-HJKMNP-TV-Z]{25}';
const KEY = new RegExp(`^${KEY_PATTERN}$`);

/** A new task key: a ULID, never monotonic, so that one key says nothing of the next. */
export const newKey = (): string => timeLetters(Date.now()) + randomLetters();

/** True for a ULID as `newKey` writes them: 26 characters, upper case. Nothing else becomes part of a subject. */
export const isKey = (text: unknown): text is string => typeof text === 'string' && KEY.test(text);

/** When a key was made, in milliseconds since 1970, by the clock of the process that made it. Throws on what is none. */
export const timeOf = (key: string): number => decodeTime(key);
