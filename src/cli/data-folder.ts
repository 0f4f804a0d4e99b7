import type { Config } from '../config.ts';
import { CannotStart } from './terminal.ts';

/** What only a person can mend. A disk that is full, or does not answer, may be well at the next try. */
const LASTING: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EEXIST']);

/** What is opened in `DATA_DIR`. Rejects with `CannotStart` when the folder cannot be used as it is. */
export async function inDataFolder<T>(
  { DATA_DIR }: Pick<Config, 'DATA_DIR'>,
  opening: Promise<T>,
): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    if (!LASTING.has(code)) throw error;
    throw new CannotStart(`cannot use the data folder ${DATA_DIR}: ${message}`, { cause: error });
  }
}

/** The same for a process that a person looks at: every error ends it, in one line. */
export async function inFolderAtStart<T>(folder: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (error instanceof CannotStart) throw error;
    throw new CannotStart(`cannot use the data folder ${folder}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
