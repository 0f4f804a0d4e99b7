import { stat } from 'node:fs/promises';
import { AccountDirectory, type Accounts } from './accounts.ts';
import { createAccountsFile } from './file-create.ts';
import { type AccountsReading, codeOf, readAccountsFile } from './file-read.ts';
import { FileWatch } from './file-watch.ts';

/** There are no accounts to start with. The message names every violation and is fit for a terminal as it is. */
export class AccountsFileError extends Error {
  override readonly name = 'AccountsFileError';
}

export type Reload =
  /** These accounts are in force now. */
  | { readonly ok: true; readonly accounts: number }
  /** The file was refused; the accounts in force stay. `message` names every violation, one a line. */
  | { readonly ok: false; readonly message: string };

export interface FileAccountsOptions {
  /** `ACCOUNTS_FILE`; absolute. */
  readonly path: string;
  /** Told about each re-reading that a change of the file caused, if it found something new. For the log. */
  readonly reloaded?: (reload: Reload) => void;
}

/**
 * The accounts of a file, from three moments on: opened (the file is written if it is missing, and must be
 * right), watched (each change is read, and taken over if it is right), closed.
 */
export class FileAccounts {
  /** What the front asks; it stays the same object while the accounts change in it. */
  readonly accounts: Accounts;
  /** The secret of the account `default` if this start wrote the file: to be shown once, and only on a terminal. */
  readonly createdSecret: string | undefined;
  readonly #directory = new AccountDirectory();
  readonly #path: string;
  readonly #reloaded: ((reload: Reload) => void) | undefined;
  #watch: FileWatch | undefined;
  #found: string | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor({ path, reloaded }: FileAccountsOptions, createdSecret: string | undefined) {
    this.accounts = this.#directory;
    this.createdSecret = createdSecret;
    this.#path = path;
    this.#reloaded = reloaded;
  }

  /** Rejects with `AccountsFileError` when the file is wrong, unreadable, or missing and cannot be written. */
  static async open(options: FileAccountsOptions): Promise<FileAccounts> {
    const files = new FileAccounts(options, await createIfMissing(options.path));
    // Watched before it is read, so that no change falls between the two.
    files.#watch = await FileWatch.start(options.path, () => void files.#queue(() => files.#readChange()));
    const first = await files.reload();
    if (first.ok) return files;
    await files.close();
    throw new AccountsFileError(first.message);
  }

  /** Reads the file now (SIGHUP). A file that is wrong or gone is an answer, no rejection, and changes nothing. */
  reload(): Promise<Reload> {
    return this.#queue(async () => this.#take(await readAccountsFile(this.#path)));
  }

  /** Stops watching, and waits for a reading that is under way. The accounts in force can still be asked. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.close();
    await this.#reading;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One reading at a time: a slow old one must not overwrite a newer one. */
  #queue<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#reading.then(read);
    this.#reading = result.catch(() => undefined);
    return result;
  }

  async #readChange(): Promise<void> {
    if (this.#closed) return;
    const reading = await readAccountsFile(this.#path);
    // A secret that was replaced must not stay good until the next change because no file was left for a moment.
    if (!reading.isRead) this.#watch?.lookAgain();
    if (reading.found === this.#found || this.#closed) return;
    const reload = this.#take(reading);
    this.#reloaded?.(reload);
  }

  #take({ parsed, found }: AccountsReading): Reload {
    if (this.#closed)
      return { ok: false, message: `${this.#path} is not read any more: the service is closing` };
    this.#found = found;
    if (!parsed.ok) return { ok: false, message: refusal(this.#path, parsed.violations) };
    this.#directory.replace(parsed.records);
    return { ok: true, accounts: parsed.records.length };
  }
}

async function createIfMissing(path: string): Promise<string | undefined> {
  try {
    // Nothing is tried on a file that is there: its folder may be read-only.
    await stat(path);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return undefined;
  }
  try {
    return await createAccountsFile(path);
  } catch (cause) {
    throw new AccountsFileError(`the accounts file ${path} cannot be written: ${codeOf(cause)}`, { cause });
  }
}

const refusal = (path: string, violations: readonly string[]): string =>
  [`the accounts file ${path} is refused:`, ...violations.map((violation) => `  ${violation}`)].join('\n');
