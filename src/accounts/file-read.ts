import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type ParsedAccounts, parseAccounts } from './accounts-document.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;

export interface AccountsReading {
  readonly parsed: ParsedAccounts;
  /** False where the system refused to read, as it may not the next time though nobody touched the file. */
  readonly isRead: boolean;
  /** The same for two readings that found the same: a digest of the content, or why there is none. */
  readonly found: string;
}

/** Reads and checks the accounts file. What is wrong with it is in the answer, not thrown. */
export async function readAccountsFile(path: string): Promise<AccountsReading> {
  let bytes: Buffer;
  try {
    // Asked before opening: to open a pipe would wait for somebody to write to it.
    if (!(await stat(path)).isFile()) return refused('is not a regular file');
    bytes = await readBounded(path);
  } catch (error) {
    return { ...refused(`cannot be read: ${codeOf(error)}`), isRead: false };
  }
  if (bytes.length > MAX_FILE_BYTES) return refused(`is larger than ${MAX_FILE_BYTES / 1024 / 1024} MB`);
  return { parsed: parseBytes(bytes), isRead: true, found: hash('sha256', bytes) };
}

/** The code of a file system's error, such as `ENOENT`. Any other error is a defect of ours, and thrown. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  throw error;
}

/** At most one byte more than allowed, whatever `stat` said: the file may be growing. */
async function readBounded(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: MAX_FILE_BYTES })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parseBytes(bytes: Buffer): ParsedAccounts {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { ok: false, violations: ['the file is not UTF-8'] };
  }
  return parseAccounts(text);
}

const refused = (reason: string): AccountsReading => ({
  parsed: { ok: false, violations: [`the file ${reason}`] },
  isRead: true,
  found: reason,
});
