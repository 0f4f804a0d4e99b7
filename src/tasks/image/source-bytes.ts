import { open, readFile } from 'node:fs/promises';
import type { Source } from '../definition.ts';

type Place = Pick<Source, 'path' | 'data'>;

/** Gives up to `count` bytes from `position` on. */
export type ReadBytes = (position: number, count: number) => Promise<Buffer>;

/** What libvips is to read a source from. */
export const inputOf = ({ data, path = '' }: Place): Uint8Array | string => data ?? path;

/** Lets `use` look at a source wherever it lies; a file is open that long. */
export async function lookInto<T>(
  { data, path = '' }: Place,
  use: (read: ReadBytes) => Promise<T>,
): Promise<T> {
  if (data !== undefined) {
    const bytes = asBuffer(data);
    return use(async (position, count) => bytes.subarray(position, position + count));
  }
  const file = await open(path);
  try {
    return await use(async (position, count) => {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(count), position });
      return buffer.subarray(0, bytesRead);
    });
  } finally {
    await file.close();
  }
}

/** All of a source, at most the 50 MB that one may have. */
export const wholeOf = async ({ data, path = '' }: Place): Promise<Buffer> =>
  data === undefined ? readFile(path) : asBuffer(data);

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
