import { mkdir } from 'node:fs/promises';
import { AccountsFileError, FileAccounts } from '../accounts/file-accounts.ts';
import type { Config } from '../config.ts';
import { probePort } from '../free-port.ts';
import { lockFolder } from './lock.ts';
import { CannotStart } from './terminal.ts';

/**
 * What comes before the first process: the data folder is there and nobody else's, the port is free, the
 * accounts can be read. Resolves with the new secret, if this start wrote the accounts file; rejects with
 * `CannotStart`.
 */
export async function prepareStart(config: Config): Promise<string | undefined> {
  await mkdir(config.DATA_DIR, { recursive: true, mode: 0o700 });
  await lockFolder(config.DATA_DIR);
  await checkPort(config);
  return createAccounts(config);
}

/** Says in one line that the port is taken, before anything is started. */
async function checkPort({ HOST, PORT }: Config): Promise<void> {
  try {
    await probePort(HOST, PORT);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'the port is in use' : message;
    throw new CannotStart(`cannot listen on ${HOST}:${PORT}: ${reason}; set PORT to another one`);
  }
}

async function createAccounts({ ACCOUNTS_FILE }: Config): Promise<string | undefined> {
  try {
    const accounts = await FileAccounts.open({ path: ACCOUNTS_FILE });
    await accounts.close();
    return accounts.createdSecret;
  } catch (error) {
    throw error instanceof AccountsFileError ? new CannotStart(error.message) : error;
  }
}
