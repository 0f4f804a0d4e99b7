import {
  AccountsFileError,
  FileAccounts,
  type FileAccountsOptions,
  type Reload,
} from '../accounts/file-accounts.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { CannotStart } from './terminal.ts';

/** A file that is wrong is a matter for the person who starts, not for a stack: rejects with `CannotStart`. */
export async function openAccounts(
  { ACCOUNTS_FILE }: Config,
  options: Omit<FileAccountsOptions, 'path'> = {},
): Promise<FileAccounts> {
  try {
    return await FileAccounts.open({ path: ACCOUNTS_FILE, ...options });
  } catch (error) {
    throw error instanceof AccountsFileError ? new CannotStart(error.message) : error;
  }
}

/** The accounts file, read again whenever it changes and on SIGHUP. Rejects as `openAccounts` does. */
export async function watchAccounts(config: Config, logger: Logger): Promise<FileAccounts> {
  const tell = (reload: Reload): void => {
    if (reload.ok) logger.info({ accounts: reload.accounts }, 'read the accounts file again');
    else logger.error(`the accounts file was refused, the accounts in force stay: ${reload.message}`);
  };
  const accounts = await openAccounts(config, { reloaded: tell });
  process.on('SIGHUP', async () => tell(await accounts.reload()));
  return accounts;
}
