import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AccountRecord } from '../../src/accounts/account.ts';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { parseAccounts } from '../../src/accounts/accounts-document.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** A folder that is removed when its scope ends. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'wyvern-accounts-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Waits for a condition, looking often; the test's own time limit ends it. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await pause(5);
}

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
