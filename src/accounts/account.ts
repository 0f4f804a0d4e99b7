import { hash } from 'node:crypto';
import type { ReferrerRule } from './referrer.ts';

/** What an account may use at once and over time. A limit that is not set does not limit. */
export interface AccountLimits {
  /** Tasks that may be queued or executing at the same time; 0 admits none. */
  readonly active_tasks?: number;
  /** Tasks that may be created in any 60 seconds; 0 admits none. */
  readonly tasks_per_minute?: number;
}

/** One client of the service, as everything past the credentials knows it: there is nothing secret in it. */
export interface Account {
  /** Stands in events and log lines: letters, digits and `._@-`, at most 64 characters. */
  readonly name: string;
  readonly limits: AccountLimits;
  /** May read the history of every account. */
  readonly auditor: boolean;
}

/** SHA-256 of a credential's UTF-8 bytes: 64 hexadecimal digits, lower case. */
export type CredentialDigest = string;

/** What the accounts know of a secret or an API key. */
export const digestOf = (credential: string): CredentialDigest => hash('sha256', credential);

/** An account with what proves to be it. Digests only: the plain text ends where the accounts file was read. */
export interface AccountRecord {
  readonly account: Account;
  readonly secret: CredentialDigest | undefined;
  readonly apiKeys: readonly ApiKeyRecord[];
}

export interface ApiKeyRecord {
  readonly key: CredentialDigest;
  /** Where a page that uses the key may stand; a key without any is of no use. */
  readonly referrers: readonly ReferrerRule[];
}

/** What is wrong with a request, ready for the `errors` of an answer. Never holds anything that the client sent. */
export interface Problem {
  readonly name: string;
  readonly location: 'body' | 'query' | 'header';
  readonly description: string;
}
