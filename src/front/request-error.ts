/** One thing that is wrong with a request, in the wire's own form. */
export interface Problem {
  /** The path of the value: `tasks`, `tasks[2].task_name`. */
  readonly name: string;
  readonly location: 'body' | 'query' | 'header' | 'path';
  readonly description: string;
}

/** So many are told of: one for each of the keys or tasks of a request, and as many again. */
const MAX_PROBLEMS = 2_000;

/** The request cannot be carried out, for reasons that its sender can read and mend. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly problems: readonly Problem[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, problems: readonly Problem[], headers: Readonly<Record<string, string>> = {}) {
    super(`${problems.length} problems, of which the first: ${problems[0]?.description}`);
    this.status = status;
    this.problems = problems.length > MAX_PROBLEMS ? cutShort(problems) : problems;
    this.headers = headers;
  }
}

function cutShort(problems: readonly Problem[]): Problem[] {
  const { name, location } = problems[MAX_PROBLEMS] as Problem;
  const more = { name, location, description: `and ${problems.length - MAX_PROBLEMS} more problems` };
  return [...problems.slice(0, MAX_PROBLEMS), more];
}

/** What is shorter stands in any text by chance. */
export const MIN_CREDENTIAL_LENGTH = 8;

/**
 * A text that may repeat what a client sent, without the credential that it sent it with, or the beginning of that: what
 * is repeated may have been cut short.
 */
export function withoutCredential(text: string, credential: string): string {
  const beginning = credential.slice(0, MIN_CREDENTIAL_LENGTH);
  if (beginning.length < MIN_CREDENTIAL_LENGTH) return text;
  let shown = '';
  let rest = text;
  for (let at = rest.indexOf(beginning); at !== -1; at = rest.indexOf(beginning)) {
    let end = at + beginning.length;
    while (end < rest.length && rest[end] === credential[end - at]) end += 1;
    shown += `${rest.slice(0, at)}***`;
    rest = rest.slice(end);
  }
  return shown + rest;
}

/** The answer that tells of problems, without the request's own credential. */
export const errorBody = (problems: readonly Problem[], credential = ''): string =>
  JSON.stringify({
    status: 'error',
    errors: problems.map(({ name, location, description }) => ({
      name: withoutCredential(name, credential),
      location,
      description: withoutCredential(description, credential),
    })),
  });

/** A 400 for one thing that is wrong. */
export const invalid = (location: Problem['location'], name: string, description: string): RequestError =>
  new RequestError(400, [{ name, location, description }]);

/** The headers of a 503. Pages in browsers may read when to ask again, too. */
export const askAgainIn = (seconds: number): Readonly<Record<string, string>> => ({
  'Retry-After': String(seconds),
  'Access-Control-Expose-Headers': 'Retry-After',
});

/** A 503: the front holds as much as it may, which passes. */
export const tryLater = (location: Problem['location'], name: string, description: string): RequestError =>
  new RequestError(503, [{ name, location, description }], askAgainIn(1));
