import type { Source } from '../definition.ts';
import { hungrySource, sourceFailure } from './source-failure.ts';

export const NOT_AN_IMAGE = 'is not a valid image file';

/** Whom an error of sharp is the fault of: ours and the machine's, the memory limit's, or the file's. */
export type Culprit = 'us' | 'memory' | 'file';

const US = /too many open files|no space left|input file is missing|permission denied|error creating thread/i;
/** What libvips and the codecs say when the process's memory limit stopped them; encoders wrap it in words of theirs. */
const MEMORY = /memory|alloc|Encoder plugin|unable to encode/i;
/**
 * What speaks of memory and means a broken file: libheif's own bounds on what a header may claim, an image of a GIF that
 * reaches beyond 65,535 pixels, a colour profile that names more bytes than it has, and a histogram without a palette.
 */
const NOT_MEMORY =
  /hIST allocation skipped|heif: Memory allocation error: (Security limit exceeded|Invalid image size).*$|^gifload: bad image dimensions\n\w+: Out of memory$|^VipsIcc: Read from memory error$/gm;
/** Said of a file that is broken, and of a whole one when memory is short; only decoding it once more, small, tells. */
const FILE_OR_MEMORY = /^webp2vips: unable to read pixels$/m;
/** The names of the decoders. */
const FILE = /^(VipsJpeg|vipspng|webp2vips|gifload\w*|heif): /m;

/**
 * Flaws that lose nothing of the picture: one in the scan header of some phones' photos, and stray bytes before a
 * marker that stands ahead of the pixels. Before the others (c4, da, d9) they are what is left of a damaged scan: of
 * 259 progressive JPEGs with that warning all were damaged, by 8 of 255 steps a sample in the median.
 */
const HARMLESS =
  /^VipsJpeg: (Invalid SOS parameters for sequential JPEG|Corrupt JPEG data: \d+ extraneous bytes before marker 0x(c[02]|db|e.|fe))$/;

/** Undefined where the text does not tell: encoders hide a decoder's error behind `unable to write to target`. */
export function culpritOf(error: unknown): Culprit | undefined {
  const text = messageOf(error);
  if (FILE_OR_MEMORY.test(text)) return undefined;
  if (US.test(text)) return 'us';
  if (MEMORY.test(text.replace(NOT_MEMORY, ''))) return 'memory';
  return FILE.test(text) ? 'file' : undefined;
}

/** Who it was after all if the file turns out to be whole. */
export const culpritOfWhole = (error: unknown): Culprit =>
  FILE_OR_MEMORY.test(messageOf(error)) ? 'memory' : 'us';

/** What to throw for an error. A fault of ours stays what it is: the file may be fine. */
export function failureOf(source: Source, error: unknown, culprit: Culprit): unknown {
  if (culprit === 'us') return error;
  return culprit === 'memory' ? hungrySource(source, error) : sourceFailure(source, NOT_AN_IMAGE, error);
}

/** Whether a strict decoder complained of nothing that shows. */
export function isHarmless(error: unknown): boolean {
  const complaints = messageOf(error)
    .split('\n')
    .filter((line) => line.startsWith('VipsJpeg:'));
  return complaints.length > 0 && complaints.every((line) => HARMLESS.test(line));
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
