import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it that are missing. Resolves with the first one that it made, undefined if all were
 * there. Node's own `recursive` never ends where the system says that a folder that cannot be made is not there, as Linux
 * does in /proc. Rejects with the system's error.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<string | undefined> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    const first = await makeFolder(parent, mode);
    const made = await makeOne(path, mode);
    return first ?? made;
  }
}

async function makeOne(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isDirectory()) throw error;
    return undefined;
  }
}
