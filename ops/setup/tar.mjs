const BLOCK = 512;

/**
 * The content of the first regular file in a tar archive whose last path part is `name`; undefined where
 * there is none. It reads and never unpacks, so no path in an archive can lead anywhere.
 */
export function readTarMember(archive, name) {
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    const size = Number.parseInt(text(header, 124, 12), 8) || 0;
    const isFile = header[156] === 0 || header[156] === 0x30;
    if (isFile && text(header, 0, 100).split('/').at(-1) === name)
      return archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}

const text = (header, start, length) =>
  header
    .toString('latin1', start, start + length)
    .split('\0')[0]
    .trim();
