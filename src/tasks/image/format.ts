import type { Source } from '../definition.ts';
import type { Format } from './limits.ts';
import { lookInto } from './source-bytes.ts';

const HEAD_BYTES = 64;

/**
 * The format that a source's first bytes claim; undefined for none of ours. Whether the rest keeps the claim is for the
 * decoder to say, but nothing without it comes near one.
 */
export const formatOfSource = (source: Source): Format | undefined =>
  lookInto(source, (read) => formatOf(read(0, HEAD_BYTES)));

/** The same of a file's first bytes: `HEAD_BYTES` of them, or all of a shorter one. */
export function formatOf(head: Buffer): Format | undefined {
  const text = head.toString('latin1');
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif';
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return 'webp';
  return text.startsWith('ftyp', 4) && hasAvifBrand(text, head) ? 'avif' : undefined;
}

/** The file type box: its size, `ftyp`, the major brand, a version, then compatible brands of 4 letters each. */
function hasAvifBrand(text: string, head: Buffer): boolean {
  const end = Math.min(head.readUInt32BE(0), head.length);
  const brands = [text.slice(8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(text.slice(at, at + 4));
  return brands.includes('avif') || brands.includes('avis');
}
