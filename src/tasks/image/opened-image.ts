import type { Metadata, Sharp } from 'sharp';
import type { Source } from '../definition.ts';
import { formatOfFile } from './format.ts';
import { type Format, inMegapixels, maxInputPixels } from './limits.ts';
import { sharp } from './sharp.ts';
import { sourceFailure } from './source-failure.ts';

const NOT_AN_IMAGE = 'is not a valid image file';
const TOO_HUNGRY = 'needs more memory than one task may take';

/** What libvips and the codecs say when the process's memory limit stopped them; encoders wrap it in words of theirs. */
const OUT_OF_MEMORY = /memory|alloc|Encoder plugin|unable to encode/i;
/** What is the machine's fault must not be blamed on a file that may be fine. */
const OUR_FAULT = /too many open files|no space left|input file is missing|permission denied/i;
/** A flaw in the header of some phones' photos that loses nothing of the picture. */
const HARMLESS = /Invalid SOS parameters for sequential JPEG/;

/** An image whose header has been read and found within the limits; no pixel has been decoded yet. */
export interface OpenedImage {
  readonly source: Source;
  readonly format: Format;
  readonly metadata: Metadata;
  /** Pixels, as stored. */
  readonly width: number;
  readonly height: number;
  /** 1–8; undefined where the file does not say, or says what EXIF does not know. */
  readonly orientation: number | undefined;
}

/** Throws `TaskFailure` for what is no image, or one of too many pixels. */
export async function openImage(source: Source | undefined): Promise<OpenedImage> {
  if (!source) throw new Error('the definition names one source, the attempt brought none');
  const format = await formatOfFile(source.path);
  if (!format) throw sourceFailure(source, NOT_AN_IMAGE);
  const metadata = await readHeader(source);
  if (metadata.mediaType !== `image/${format}` || metadata.width < 1 || metadata.height < 1)
    throw sourceFailure(source, NOT_AN_IMAGE);
  const { width, height, orientation } = metadata;
  const limit = maxInputPixels(format, metadata.isProgressive);
  if (width * height > limit) {
    const [has, allowed] = [inMegapixels(width * height, limit), inMegapixels(limit, 0)];
    throw sourceFailure(source, `has ${has} megapixels, the limit is ${allowed}`);
  }
  const isKnown = orientation !== undefined && orientation >= 1 && orientation <= 8;
  return { source, format, metadata, width, height, orientation: isKnown ? orientation : undefined };
}

/** Without libvips' own pixel limit, so that the failure can name the size. */
async function readHeader(source: Source): Promise<Metadata> {
  try {
    return await sharp(source.path, { limitInputPixels: false }).metadata();
  } catch (error) {
    throw blame(source, error);
  }
}

/**
 * Decodes an opened image, its first frame, into what `prepare` asks for. A file that is broken or cut short throws
 * `TaskFailure`, however much of it could be shown.
 */
export async function decode(
  image: OpenedImage,
  prepare: (pixels: Sharp) => Sharp,
): Promise<{ data: Buffer; info: { width: number; height: number; channels: number } }> {
  const attempt = (failOn: 'warning' | 'error') => {
    const limitInputPixels = maxInputPixels(image.format, image.metadata.isProgressive);
    const pixels = sharp(image.source.path, { limitInputPixels, failOn });
    return prepare(pixels).toBuffer({ resolveWithObject: true });
  };
  try {
    // The strictest level: of 60 progressive JPEGs with three bytes changed it let pass 4, the next one 58.
    return await attempt('warning').catch((error: unknown) => {
      if (HARMLESS.test(String(error))) return attempt('error');
      throw error;
    });
  } catch (error) {
    throw blame(image.source, error);
  }
}

function blame(source: Source, error: unknown): unknown {
  const text = String(error);
  if (OUR_FAULT.test(text)) return error;
  return sourceFailure(source, OUT_OF_MEMORY.test(text) ? TOO_HUNGRY : NOT_AN_IMAGE, error);
}
