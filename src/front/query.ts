import { invalid, type Problem } from './request-error.ts';

/** The query string, decoded. Malformed percent-encoding, and what is no UTF-8 behind it, is a 400. */
export function parseQuery(query: string): URLSearchParams {
  if (/%(?![0-9a-fA-F]{2})/.test(query))
    throw invalid('query', 'query', 'query is not validly percent-encoded');
  // URLSearchParams puts replacement characters there without a word, and uWebSockets.js for bytes that were sent as they are.
  if (!isDecodable(query) || query.includes('\uFFFD'))
    throw invalid('query', 'query', 'query is not valid UTF-8');
  return new URLSearchParams(query);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** What may stand once in a query; null without it. Adds to `problems`. */
export function readOnce(query: URLSearchParams, name: string, problems: Problem[]): string | null {
  if (query.getAll(name).length > 1) problems.push(givenTwice(name));
  return query.get(name);
}

export const givenTwice = (name: string): Problem => ({
  name,
  location: 'query',
  description: `${name} is given more than once`,
});

/** The filename at the end of a path. Adds to `problems`. */
export function readFilename(segment: string, problems: Problem[]): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    const description = 'filename is not validly percent-encoded';
    problems.push({ name: 'filename', location: 'path', description });
    return '';
  }
}

const BOOLEANS = new Map<unknown, boolean>([
  [true, true],
  [false, false],
]);
const QUERY_BOOLEANS = new Map<unknown, boolean>([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** An optional boolean: JSON's own in a body; `true`, `false`, `1`, `0` in a query. Adds to `problems`. */
export function readBoolean(
  value: unknown,
  name: string,
  location: 'body' | 'query',
  problems: Problem[],
): boolean {
  if (value === undefined || value === null) return false;
  const known = (location === 'body' ? BOOLEANS : QUERY_BOOLEANS).get(value);
  if (known === undefined) {
    const choices = location === 'body' ? 'true or false' : 'true, false, 1 or 0';
    problems.push({ name, location, description: `${name} must be ${choices}` });
  }
  return known ?? false;
}

/** What a POST has under a name, in its body or else in its query. Adds to `problems`. */
export function readEither(
  name: string,
  body: Readonly<Record<string, unknown>>,
  query: string,
  problems: Problem[],
): { readonly value: unknown; readonly location: 'body' | 'query' } {
  const isInQuery = body[name] === undefined && query.includes(`${name}=`);
  if (!isInQuery) return { value: body[name], location: 'body' };
  return { value: readOnce(parseQuery(query), name, problems), location: 'query' };
}

/** An optional boolean of a POST, from its body or else from its query. Adds to `problems`. */
export function readFlag(
  name: string,
  body: Readonly<Record<string, unknown>>,
  query: string,
  problems: Problem[],
): boolean {
  const { value, location } = readEither(name, body, query, problems);
  return readBoolean(value, name, location, problems);
}
