import type { Problem } from './account.ts';

/** Longest credential that is looked at, in UTF-16 units; a SHA-256 of more would be work for nothing. */
export const MAX_CREDENTIAL_LENGTH = 1_024;

export type CredentialKind = 'secret' | 'api_key';

/** What a client presented, before anybody knows whether it is worth anything. Never log it. */
export interface Credentials {
  readonly kind: CredentialKind;
  /** 1 to `MAX_CREDENTIAL_LENGTH` characters. */
  readonly value: string;
  readonly location: Problem['location'];
}

/** What of a request may hold credentials. */
export interface RequestParts {
  /** Text of the `Authorization` header; undefined or empty when it was not sent. */
  readonly authorization?: string | undefined;
  /** The parsed body, whatever it is; undefined for a request that has none. Only an object is looked into. */
  readonly body?: unknown;
  /** The query's parameters, an array for one that was repeated. Leave it out of anything but a GET. */
  readonly query?: Readonly<Record<string, unknown>> | undefined;
}

type Extraction =
  | { readonly ok: true; readonly credentials: Credentials }
  | { readonly ok: false; readonly problem: Problem };

const SCHEMES: ReadonlyMap<string, CredentialKind> = new Map([
  ['secret', 'secret'],
  ['api-key', 'api_key'],
]);
const KINDS: readonly CredentialKind[] = ['secret', 'api_key'];

/**
 * Finds the credentials of a request: the header wins over the body, the body over the query, and at one place
 * `secret` over `api_key`.
 *
 * The first place that holds any decides, even if what it holds is wrong: whoever sends two and mistypes one
 * learns about it instead of being someone else without notice.
 */
export function extractCredentials({ authorization, body, query }: RequestParts): Extraction {
  const header = authorization?.trim() ?? '';
  return (
    (header === '' ? undefined : fromHeader(header)) ??
    fromFields(body, 'body') ??
    fromFields(query, 'query') ??
    missing(body === undefined ? 'query' : 'body')
  );
}

function fromHeader(header: string): Extraction {
  const [, scheme = '', value = ''] = /^(\S+)\s*([\s\S]*)$/.exec(header) ?? [];
  const kind = SCHEMES.get(scheme.toLowerCase());
  // The scheme is not repeated: a client that forgot it has sent its secret in that place.
  if (kind === undefined)
    return refuse(
      'Authorization',
      'header',
      "Authorization must be 'Secret <secret>' or 'Api-Key <api key>'",
    );
  return check(kind, value, 'header', 'Authorization');
}

function fromFields(fields: unknown, location: 'body' | 'query'): Extraction | undefined {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return undefined;
  const given = fields as Readonly<Record<string, unknown>>;
  // Many serializers write null for what is not there.
  const kind = KINDS.find((name) => Object.hasOwn(given, name) && (given[name] ?? undefined) !== undefined);
  return kind && check(kind, given[kind], location, kind);
}

function check(
  kind: CredentialKind,
  value: unknown,
  location: Problem['location'],
  name: string,
): Extraction {
  if (Array.isArray(value) && location === 'query')
    return refuse(name, location, `${kind} is given more than once`);
  if (typeof value !== 'string') return refuse(name, location, `${kind} must be a string`);
  if (value === '') return refuse(name, location, `${kind} is empty`);
  if (value.length > MAX_CREDENTIAL_LENGTH)
    return refuse(name, location, `${kind} is longer than ${MAX_CREDENTIAL_LENGTH} characters`);
  return { ok: true, credentials: { kind, value, location } };
}

const missing = (location: 'body' | 'query'): Extraction =>
  refuse(
    'secret',
    location,
    "secret is missing: send 'Authorization: Secret <secret>' or 'Authorization: Api-Key <api key>', " +
      'or secret or api_key in the body, or on a GET in the query',
  );

const refuse = (name: string, location: Problem['location'], description: string): Extraction => ({
  ok: false,
  problem: { name, location, description },
});
