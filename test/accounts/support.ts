import { createHash } from 'node:crypto';
import type { AccountRecord } from '../../src/accounts/account.ts';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { parseAccounts } from '../../src/accounts/accounts-document.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

export const documentOf = (...accounts: unknown[]): string => JSON.stringify({ accounts });

/** The records of a document that is right. */
export function recordsOf(...accounts: unknown[]): readonly AccountRecord[] {
  const parsed = parseAccounts(documentOf(...accounts));
  if (!parsed.ok) throw new Error(parsed.violations.join('\n'));
  return parsed.records;
}

/** The violations of a document; none if it is right. */
export function violationsOf(text: string): readonly string[] {
  const parsed = parseAccounts(text);
  return parsed.ok ? [] : parsed.violations;
}

export const isLetIn = (accounts: Accounts, secret: string): boolean =>
  accounts.authenticate({ kind: 'secret', value: secret, location: 'body' }, undefined).ok;
