import type { Config } from '../config.ts';
import { makeFolder } from '../make-folder.ts';
import { openAccounts } from './accounts-file.ts';
import { checkCertificate } from './certificate.ts';
import { inFolderAtStart } from './data-folder.ts';
import { lockFolder } from './lock.ts';
import { checkPort } from './port.ts';

/**
 * What comes before the first process: whatever its children would find wrong is found by the one that a person
 * looks at, and once. The data folder is there and nobody else's, the port is free, the certificate and the accounts
 * can be read. Resolves with the new secret, if this start wrote the accounts file; rejects with `CannotStart`.
 */
export async function prepareStart(config: Config): Promise<string | undefined> {
  await takeFolder(config.DATA_DIR);
  await checkPort(config);
  await checkCertificate(config);
  const accounts = await openAccounts(config);
  await accounts.close();
  return accounts.createdSecret;
}

/** Makes the folder, and this process the only one that uses it. Rejects with `CannotStart`. */
export async function takeFolder(folder: string): Promise<void> {
  await inFolderAtStart(folder, makeFolder(folder, 0o700));
  await inFolderAtStart(folder, lockFolder(folder));
}
