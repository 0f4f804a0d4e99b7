import type { Headers } from './exchange.ts';

/** One thing that is wrong with a request, in the wire's own form. */
export interface Problem {
  /** The path of the value: `tasks`, `tasks[2].task_name`. */
  readonly name: string;
  readonly location: 'body' | 'query' | 'header' | 'path';
  readonly description: string;
}

/** The request cannot be carried out, for reasons that its sender can read and mend. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly problems: readonly Problem[];
  readonly headers: Headers;

  constructor(status: number, problems: readonly Problem[], headers: Headers = {}) {
    super(problems.map(({ description }) => description).join('; '));
    this.status = status;
    this.problems = problems;
    this.headers = headers;
  }
}

export const errorBody = (problems: readonly Problem[]): string =>
  JSON.stringify({ status: 'error', errors: problems });

export const invalid = (location: Problem['location'], name: string, description: string): RequestError =>
  new RequestError(400, [{ name, location, description }]);
