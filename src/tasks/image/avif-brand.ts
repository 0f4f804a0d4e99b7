import type { Source } from '../definition.ts';
import type { Format } from './limits.ts';
import { inputOf, lookInto, wholeOf } from './source-bytes.ts';

/** Of the file type box, behind its size and its name. */
const MAJOR_BRAND = 8;

/**
 * What libvips is to read a source of this format from. It goes by an AVIF's major brand, which for the first image of a
 * sequence and in what some encoders write is another than `avif`, so these it gets as a copy in memory under that brand:
 * the file may be somebody's.
 */
export async function inputFor(source: Source, format: Format): Promise<Uint8Array | string> {
  if (format !== 'avif' || hasMajorBrand(source)) return inputOf(source);
  const copy = Buffer.from(await wholeOf(source));
  copy.write('avif', MAJOR_BRAND, 'latin1');
  return copy;
}

const hasMajorBrand = (source: Source): boolean =>
  lookInto(source, (read) => read(MAJOR_BRAND, 4).toString('latin1') === 'avif');
