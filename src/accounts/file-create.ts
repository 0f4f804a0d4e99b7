import { randomBytes } from 'node:crypto';
import { link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath, writeDurably } from '../durable-file.ts';
import { makeFolder } from '../make-folder.ts';
import { codeOf } from './file-read.ts';

const SECRET_BYTES = 24;

/**
 * Writes an accounts file with one account, `default`, readable by its owner only, if there is none at `path`.
 *
 * Answers the account's secret if this call wrote the file; undefined if there is one already, also when another
 * process was faster. The content is whole and on disk before it appears under its name, and the name is given by
 * a hard link, which, unlike a rename, never replaces what somebody else put there in the meantime. Rejects with
 * the file system's error when the folder cannot be written or knows no hard links.
 */
export async function createAccountsFile(path: string): Promise<string | undefined> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const document = JSON.stringify({ accounts: [{ name: 'default', secret }] }, null, 2);
  await makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeDurably(temporary, `${document}\n`, 0o600);
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  // Without it the name can be gone after a power cut, and the secret that was shown with it.
  await syncPath(dirname(path));
  return secret;
}
