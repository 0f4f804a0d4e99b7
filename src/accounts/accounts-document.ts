import Type, { type Static, type TProperties } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { type AccountRecord, type ApiKeyRecord, type CredentialDigest, digestOf } from './account.ts';
import { MAX_CREDENTIAL_LENGTH } from './credentials.ts';
import { findJsonError } from './json-syntax.ts';
import { parseReferrerEntry, type ReferrerRule } from './referrer.ts';

const strict = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

const Credential = Type.Optional(Type.String());
const Digest = Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{64}$' }));
const Limit = Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 }));

const ApiKeyEntry = strict({
  key: Credential,
  key_sha256: Digest,
  referrers: Type.Array(Type.String({ maxLength: 300 }), { minItems: 1, maxItems: 1_000 }),
});
const LimitsEntry = strict({ active_tasks: Limit, tasks_per_minute: Limit });
const AccountEntry = strict({
  name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$' }),
  secret: Credential,
  secret_sha256: Digest,
  api_keys: Type.Optional(Type.Array(ApiKeyEntry, { maxItems: 1_000 })),
  limits: Type.Optional(LimitsEntry),
  auditor: Type.Optional(Type.Boolean()),
});
type AccountEntry = Static<typeof AccountEntry>;
type ApiKeyEntry = Static<typeof ApiKeyEntry>;

const DocumentShape = strict({ accounts: Type.Array(Type.Unknown(), { minItems: 1 }) });
const checkDocument = Compile(DocumentShape);
// Entries are checked one by one because a check stops at its 100th violation (`all-errors.ts`): one entry cannot hide
// what is wrong with the others.
const checkAccount = Compile(AccountEntry);

/** Violations that a message lists; the rest are counted. */
const MAX_LISTED = 50;

export type ParsedAccounts =
  | { readonly ok: true; readonly records: readonly AccountRecord[] }
  /** One line for each violation, with its path, as in `accounts[2].api_keys[0].key`. */
  | { readonly ok: false; readonly violations: readonly string[] };

/**
 * Reads an accounts document. Violations name paths and rules, never what stands there: neither a value nor the
 * name of a property that is not known, for either may be a credential that slipped.
 */
export function parseAccounts(text: string): ParsedAccounts {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { ok: false, violations: [syntaxViolation(text)] };
  }
  if (!checkDocument.Check(document))
    return { ok: false, violations: shapeViolations(checkDocument, document, '') };
  const reading = new Reading();
  for (const [index, entry] of document.accounts.entries()) reading.account(entry, `accounts[${index}]`);
  return reading.result();
}

/** One pass over a document: gathers records and violations, and knows what was there before. */
class Reading {
  readonly #records: AccountRecord[] = [];
  readonly #violations: string[] = [];
  readonly #pathOfName = new Map<string, string>();
  readonly #pathOfCredential = new Map<CredentialDigest, string>();

  result(): ParsedAccounts {
    if (this.#violations.length === 0) return { ok: true, records: this.#records };
    const listed = this.#violations.slice(0, MAX_LISTED);
    const others = this.#violations.length - listed.length;
    return { ok: false, violations: others > 0 ? [...listed, `and ${others} more`] : listed };
  }

  account(entry: unknown, at: string): void {
    if (!checkAccount.Check(entry)) {
      this.#violations.push(...shapeViolations(checkAccount, entry, at));
      return;
    }
    this.#unique(this.#pathOfName, entry.name, `${at}.name`);
    const { name, limits = {}, auditor = false, api_keys = [] } = entry;
    const secret = this.#secret(entry, at);
    const apiKeys = api_keys.map((key, index) => this.#apiKey(key, `${at}.api_keys[${index}]`));
    this.#records.push({ account: { name, limits, auditor }, secret, apiKeys });
  }

  #secret({ secret, secret_sha256, api_keys = [] }: AccountEntry, at: string): CredentialDigest | undefined {
    if (secret === undefined && secret_sha256 === undefined && api_keys.length > 0) return undefined;
    return this.#digest(secret, secret_sha256, at, 'secret');
  }

  #apiKey({ key, key_sha256, referrers }: ApiKeyEntry, at: string): ApiKeyRecord {
    return {
      key: this.#digest(key, key_sha256, at, 'key'),
      referrers: referrers.flatMap((entry, index) => this.#referrer(entry, `${at}.referrers[${index}]`)),
    };
  }

  #referrer(entry: string, at: string): readonly ReferrerRule[] {
    const rule = parseReferrerEntry(entry);
    if (rule === undefined) this.#violations.push(`${at} must be a host, *.host or host:port`);
    return rule === undefined ? [] : [rule];
  }

  #digest(
    plain: string | undefined,
    sha256: string | undefined,
    at: string,
    field: string,
  ): CredentialDigest {
    if ((plain === undefined) === (sha256 === undefined))
      this.#violations.push(`${at} must have either ${field} or ${field}_sha256`);
    if (plain !== undefined && !isPresentable(plain))
      this.#violations.push(
        `${at}.${field} must be 1 to ${MAX_CREDENTIAL_LENGTH} characters, ` +
          'without control characters and without a space at either end',
      );
    const digest = plain === undefined ? (sha256 ?? '').toLowerCase() : digestOf(plain);
    const path = `${at}.${plain === undefined ? `${field}_sha256` : field}`;
    if (plain !== undefined || sha256 !== undefined) this.#unique(this.#pathOfCredential, digest, path);
    return digest;
  }

  #unique(paths: Map<string, string>, value: string, at: string): void {
    const before = paths.get(value);
    if (before === undefined) paths.set(value, at);
    else this.#violations.push(`${at} is the same as ${before}`);
  }
}

/** True for a credential that a client can send whole in a header. */
const isPresentable = (plain: string): boolean =>
  plain.length <= MAX_CREDENTIAL_LENGTH && /^\P{Cc}+$/u.test(plain) && plain.trim() === plain;

function syntaxViolation(text: string): string {
  if (text.trim() === '') return 'the file is empty';
  const place = findJsonError(text);
  return `the file is not JSON${place ? `: see line ${place.line}, column ${place.column}` : ''}`;
}

function shapeViolations(check: Validator, value: unknown, at: string): string[] {
  return check.Errors(value).flatMap((error): string[] => {
    const path = `${at}${pathOf(error.instancePath)}`.replace(/^\./, '');
    const whole = path || 'the file';
    switch (error.keyword) {
      // It comes with an `additionalProperties` that says the same, and its path holds the property's name.
      case 'boolean':
        return [];
      case 'additionalProperties':
        return [`${whole} has a property other than ${knownAt(path).join(', ')}`];
      case 'required':
        return error.params.requiredProperties.map((name) => `${path ? `${path}.` : ''}${name} is missing`);
      case 'pattern':
        return [`${whole} must match ${error.params.pattern}`];
      default:
        return [`${whole} ${error.message}`];
    }
  });
}

function knownAt(path: string): string[] {
  const entry = /(accounts|api_keys)\[\d+\]$|limits$/.exec(path);
  if (entry === null) return Object.keys(DocumentShape.properties);
  if (entry[0] === 'limits') return Object.keys(LimitsEntry.properties);
  return Object.keys((entry[1] === 'api_keys' ? ApiKeyEntry : AccountEntry).properties);
}

const pathOf = (pointer: string): string =>
  pointer.replaceAll(/\/([^/]*)/g, (_, step: string) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`));
