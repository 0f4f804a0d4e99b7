import type { Output } from '../../tasks/definition.ts';
import { contentTypeOf, FORMATS } from '../../tasks/image/limits.ts';
import type { ChildMessage, ErrorText } from './messages.ts';

/**
 * Whether a child says what `serveTasks` may say. A child has read a stranger's bytes, and whoever has taken it over may
 * say anything: an output's type becomes a header of an answer, its name a path, the rest an event of the log. What
 * passes here is trusted from then on; the two messages of a thumbnail take 0.2 µs.
 */
export function isChildMessage(said: unknown): said is ChildMessage {
  if (!isObject(said) || !Number.isSafeInteger(said.task)) return false;
  switch (said.type) {
    case 'progress':
      return isJson(said.value);
    case 'output':
      return isOutput(said.output);
    case 'done':
      return isBytes(said.held) && isJson(said.result);
    case 'failed':
      return (
        isBytes(said.held) &&
        typeof said.message === 'string' &&
        typeof said.passing === 'boolean' &&
        typeof said.hungry === 'boolean' &&
        (said.cause === undefined || isErrorText(said.cause))
      );
    case 'broken':
      return isBytes(said.held) && isErrorText(said.error);
    default:
      return false;
  }
}

/** What tasks make is images, in the formats that they write. */
const CONTENT_TYPES: ReadonlySet<unknown> = new Set(FORMATS.map(contentTypeOf));

const NAME = /^[a-z0-9_-]{1,64}$/;

const isOutput = (value: unknown): value is Output =>
  isObject(value) &&
  isName(value.name) &&
  isName(value.extension) &&
  CONTENT_TYPES.has(value.contentType) &&
  value.data instanceof Uint8Array;

const isName = (value: unknown): boolean => typeof value === 'string' && NAME.test(value);

const isBytes = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const isErrorText = (value: unknown): value is ErrorText =>
  isObject(value) && typeof value.message === 'string' && typeof value.stack === 'string';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Far beyond what a task has to tell: values, letters of texts and names, levels. */
const MAX_VALUES = 10_000;
const MAX_LETTERS = 1_000_000;
const MAX_DEPTH = 32;

/**
 * Whether a value can be told in JSON, and is no more than that. The channel carries other things: circles, dates and
 * bigints, at which writing the event would throw, and lists with a length and nothing in them, of which it would write
 * every place. A member that is undefined is one that is left out.
 */
function isJson(whole: unknown): boolean {
  let left = MAX_VALUES;
  let letters = MAX_LETTERS;
  const fits = (value: unknown, depth: number): boolean => {
    left -= Array.isArray(value) ? value.length + 1 : 1;
    if (typeof value === 'string') letters -= value.length;
    if (left < 0 || letters < 0) return false;
    if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
    if (depth === MAX_DEPTH || !isPlain(value)) return false;
    for (const name of Object.keys(value)) letters -= name.length;
    return Object.values(value).every((member) => fits(member, depth + 1));
  };
  return fits(whole, 0);
}

const isPlain = (value: object): boolean =>
  Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
