import { open } from 'node:fs/promises';

/** Writes a file that is not there yet; resolves when its content is on disk. Its name is once `syncPath` of its folder has resolved. */
export async function writeDurably(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Resolves when the file, or the names in the folder, are on disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
