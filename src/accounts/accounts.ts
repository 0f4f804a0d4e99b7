import { timingSafeEqual } from 'node:crypto';
import {
  type Account,
  type AccountRecord,
  type CredentialDigest,
  digestOf,
  type Problem,
} from './account.ts';
import type { CredentialKind, Credentials } from './credentials.ts';
import { isReferrerAllowed, type ReferrerRule } from './referrer.ts';

export type Authentication =
  | { readonly ok: true; readonly account: Account; readonly kind: CredentialKind }
  | { readonly ok: false; readonly problem: Problem };

/** The port: who is asking. */
export interface Accounts {
  /**
   * Tells whose credentials these are. `referrer` is the text that `referrerOf` chose and matters to API keys
   * only. What an API key may not do (read history, cancel) is for the caller to refuse, by `kind`.
   */
  authenticate(credentials: Credentials, referrer: string | undefined): Authentication;
  /** The account as it stands now; undefined once the accounts file no longer names it. */
  find(name: string): Account | undefined;
  /** The account that has this secret now; undefined once none has. */
  findBySecret(digest: CredentialDigest): Account | undefined;
}

interface Holder {
  readonly digest: Buffer;
  readonly account: Account;
  /** Undefined for a secret, which is good from anywhere. */
  readonly referrers: readonly ReferrerRule[] | undefined;
}

interface Entries {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly holders: Readonly<Record<CredentialKind, ReadonlyMap<CredentialDigest, Holder>>>;
}

const NOBODY = Buffer.alloc(32);

/** The accounts in memory. A look-up costs one SHA-256 and one Map access, whatever their number. */
export class AccountDirectory implements Accounts {
  #entries: Entries;

  constructor(records: readonly AccountRecord[] = []) {
    this.#entries = index(records);
  }

  /** Puts other accounts in force, all at once. Names and credentials must be unique; the file's check sees to it. */
  replace(records: readonly AccountRecord[]): void {
    this.#entries = index(records);
  }

  /** Number of accounts in force. */
  get size(): number {
    return this.#entries.accounts.size;
  }

  find(name: string): Account | undefined {
    return this.#entries.accounts.get(name);
  }

  findBySecret(digest: CredentialDigest): Account | undefined {
    return this.#entries.holders.secret.get(digest)?.account;
  }

  authenticate(credentials: Credentials, referrer: string | undefined): Authentication {
    const holder = this.#holderOf(credentials);
    if (holder === undefined) return { ok: false, problem: notValid(credentials) };
    const problem = holder.referrers && referrerProblem(referrer, holder.referrers);
    return problem ? { ok: false, problem } : { ok: true, account: holder.account, kind: credentials.kind };
  }

  /**
   * The time that this takes tells nothing useful. What is hashed and compared are digests, never what was
   * presented: to bring a guess's digest nearer to a stored one, digit by digit, would take partial preimages of
   * SHA-256. The Map hashes its strings with a seed of this process and compares only after equal hashes, so
   * there is no common prefix to measure. The last word has a comparison in constant time, and there is always
   * exactly one, so that a hit and a miss cost the same.
   */
  #holderOf({ kind, value }: Credentials): Holder | undefined {
    const presented = digestOf(value);
    const holder = this.#entries.holders[kind].get(presented);
    const isEqual = timingSafeEqual(Buffer.from(presented, 'hex'), holder?.digest ?? NOBODY);
    return isEqual ? holder : undefined;
  }
}

function index(records: readonly AccountRecord[]): Entries {
  const accounts = new Map<string, Account>();
  const holders = {
    secret: new Map<CredentialDigest, Holder>(),
    api_key: new Map<CredentialDigest, Holder>(),
  };
  for (const { account, secret, apiKeys } of records) {
    accounts.set(account.name, account);
    if (secret !== undefined)
      holders.secret.set(secret, { digest: Buffer.from(secret, 'hex'), account, referrers: undefined });
    for (const { key, referrers } of apiKeys)
      holders.api_key.set(key, { digest: Buffer.from(key, 'hex'), account, referrers });
  }
  return { accounts, holders };
}

const notValid = ({ kind, location }: Credentials): Problem => ({
  name: location === 'header' ? 'Authorization' : kind,
  location,
  description: `${kind} is not valid`,
});

function referrerProblem(referrer: string | undefined, rules: readonly ReferrerRule[]): Problem | undefined {
  if (referrer !== undefined && isReferrerAllowed(referrer, rules)) return undefined;
  const description =
    referrer === undefined
      ? 'Referer is missing, and this api_key may be used from its referrers only'
      : "Referer must name a host of this api_key's referrers";
  return { name: 'Referer', location: 'header', description };
}
