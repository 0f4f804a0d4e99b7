import { hash } from 'node:crypto';
import { canonicalJson } from '../tasks/canonical.ts';
import type { CheckedTask } from './definitions.ts';
import type { Problem } from './request-error.ts';
import type { RequestHead } from './request-head.ts';

/** The name that a client gave to its create, and what it asked for. */
export interface NamedCreate {
  readonly idempotencyKey: string;
  /** SHA-256 of the definitions, in lower-case hex. */
  readonly digest: string;
}

const HEADER = 'Idempotency-Key';
const MAX_LENGTH = 255;

/** The `Idempotency-Key` of a request; undefined without one. Adds to `problems`. */
export function readIdempotencyKey(head: RequestHead, problems: Problem[]): string | undefined {
  const key = head.header('idempotency-key');
  const report = (description: string) => problems.push({ name: HEADER, location: 'header', description });
  if (key.length > MAX_LENGTH) report(`${HEADER} has ${key.length} characters, the limit is ${MAX_LENGTH}`);
  else if (!/^[\x20-\x7e]*$/.test(key)) report(`${HEADER} must be printable ASCII`);
  return key === '' ? undefined : key;
}

/** Undefined without a key. */
export const nameCreate = (
  idempotencyKey: string | undefined,
  tasks: readonly CheckedTask[],
): NamedCreate | undefined =>
  idempotencyKey === undefined ? undefined : { idempotencyKey, digest: digestOf(tasks) };

/**
 * Two bodies are the same when they ask for the same tasks: the same definitions in the same order. How the
 * JSON was written does not count, nor do credentials, nor how the answer is waited for.
 */
function digestOf(tasks: readonly CheckedTask[]): string {
  const asked = tasks.map(({ sent, metas }) => [sent, metas ?? null]);
  return hash('sha256', canonicalJson(asked));
}
