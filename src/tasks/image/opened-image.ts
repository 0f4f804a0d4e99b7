import type { Metadata, Sharp } from 'sharp';
import type { Source } from '../definition.ts';
import { divideByAlpha, isPremultiplied } from './avif-alpha.ts';
import { inputFor } from './avif-brand.ts';
import { type Culprit, culpritOf, culpritOfWhole, failureOf, isHarmless, NOT_AN_IMAGE } from './blame.ts';
import { formatOfSource } from './format.ts';
import { hasMargin, withTransparency } from './gif-margin.ts';
import { type Format, inMegapixels, maxInputPixels } from './limits.ts';
import { readPngChunks } from './png-chunks.ts';
import { countScans, MAX_SCANS } from './scans.ts';
import { sharp } from './sharp.ts';
import { sourceFailure } from './source-failure.ts';
import type { Size } from './upright.ts';
import { webpSizeOfSource } from './webp-size.ts';

/** An image whose header has been read and found within the limits; no pixel has been decoded yet. */
export interface OpenedImage {
  readonly source: Source;
  readonly format: Format;
  readonly metadata: Metadata;
  /** Pixels, as stored; of an AVIF after the turn that it asks for, which its decoder has carried out. */
  readonly width: number;
  readonly height: number;
  /** 1–8; undefined where the file does not say, or says what EXIF does not know. */
  readonly orientation: number | undefined;
  readonly exif: Buffer | undefined;
  /** Images in the file, at least 1. */
  readonly frames: number;
  /** Whether libvips would show black where a GIF is to be seen through. */
  readonly hidesMargin: boolean;
  /** Whether libvips would hand over colours that are multiplied by their opacity. */
  readonly isPremultiplied: boolean;
}

/** Throws `TaskFailure` for what is no image, or one of too many pixels or scans. */
export async function openImage(source: Source | undefined): Promise<OpenedImage> {
  if (!source) throw new Error('the definition names one source, the attempt brought none');
  const format = formatOfSource(source);
  if (!format) throw sourceFailure(source, NOT_AN_IMAGE);
  const claimed = format === 'webp' ? webpSizeOfSource(source) : undefined;
  if (claimed) refuseManyPixels(source, claimed, maxInputPixels(format, false));
  const metadata = await readHeader(source, format);
  if (metadata.mediaType !== `image/${format}` || metadata.width < 1 || metadata.height < 1)
    throw sourceFailure(source, NOT_AN_IMAGE);
  const { width, height } = metadata;
  const hidesMargin = format === 'gif' && !metadata.hasAlpha && hasMargin(source, metadata);
  const seen = hidesMargin ? { ...metadata, hasAlpha: true } : metadata;
  refuseManyPixels(source, metadata, maxInputPixels(format, metadata.isProgressive));
  await refuseManyScans(source, format, metadata);
  const extras = await readExtras(source, format, metadata);
  const ofAlpha = {
    hidesMargin,
    isPremultiplied: format === 'avif' && metadata.hasAlpha && isPremultiplied(source),
  };
  return { source, format, metadata: seen, width, height, ...ofAlpha, ...extras };
}

/** Opens all images of a list, of which there is at least one; so the last is refused before the first is decoded. */
export async function openAll(sources: readonly Source[]): Promise<readonly [OpenedImage, ...OpenedImage[]]> {
  const first = await openImage(sources[0]);
  const rest: OpenedImage[] = [];
  for (const source of sources.slice(1)) rest.push(await openImage(source));
  return [first, ...rest];
}

function refuseManyPixels(source: Source, { width, height }: Size, limit: number): void {
  if (width * height <= limit) return;
  const [has, allowed] = [inMegapixels(width * height, limit), inMegapixels(limit, 0)];
  throw sourceFailure(source, `has ${has} megapixels, the limit is ${allowed}`);
}

async function refuseManyScans(source: Source, format: Format, { isProgressive }: Metadata): Promise<void> {
  if (format !== 'jpeg' || !isProgressive) return;
  const scans = await countScans(source);
  if (scans > MAX_SCANS) throw sourceFailure(source, `has ${scans} scans, the limit is ${MAX_SCANS}`);
}

/** Without libvips' own pixel limit, so that the failure can name the size. */
async function readHeader(source: Source, format: Format): Promise<Metadata> {
  try {
    return await sharp(await inputFor(source, format), { limitInputPixels: false }).metadata();
  } catch (error) {
    throw failureOf(source, error, culpritOf(error) ?? 'file');
  }
}

type Extras = Pick<OpenedImage, 'orientation' | 'exif' | 'frames'>;

/** Of a PNG libvips knows neither EXIF that stands after its pixels nor that it is an animation. */
async function readExtras(source: Source, format: Format, metadata: Metadata): Promise<Extras> {
  const { orientation = 0, exif, pages = 1 } = metadata;
  const isKnown = orientation >= 1 && orientation <= 8;
  const told = { orientation: isKnown ? orientation : undefined, exif, frames: pages };
  if (format !== 'png') return told;
  const chunks = readPngChunks(source);
  if (exif || !chunks.exif) return { ...told, frames: chunks.frames };
  // To load it takes 200 ms, and few need it.
  const { readExif } = await import('./exif.ts');
  return { ...chunks, orientation: readExif(chunks.exif).orientation ?? undefined };
}

/**
 * Decodes an opened image, its first frame, into what `prepare` asks for. A file that is broken or cut short throws
 * `TaskFailure`, however much of it could be shown; a defect of ours is thrown as it is.
 */
export async function decode(
  image: OpenedImage,
  prepare: (pixels: Sharp) => Sharp,
): Promise<{ data: Buffer; info: { width: number; height: number; channels: number } }> {
  const attempt = async (failOn: FailOn) =>
    prepare(await pixelsOf(image, failOn)).toBuffer({ resolveWithObject: true });
  // The strictest level: of 60 progressive JPEGs with three bytes changed it let pass 4, the next one 58.
  let failOn: FailOn = 'warning';
  try {
    return await attempt(failOn).catch((error: unknown) => {
      if (!isHarmless(error)) throw error;
      failOn = 'error';
      return attempt(failOn);
    });
  } catch (error) {
    throw failureOf(image.source, error, culpritOf(error) ?? (await culpritByDecoding(image, failOn, error)));
  }
}

type FailOn = 'warning' | 'error';

async function pixelsOf(image: OpenedImage, failOn: FailOn): Promise<Sharp> {
  const pixels = await storedPixelsOf(image, failOn);
  if (!image.isPremultiplied) return pixels;
  const rgba = pixels.toColourspace('srgb').ensureAlpha().raw();
  const { data, info } = await rgba.toBuffer({ resolveWithObject: true });
  return sharp(divideByAlpha(data), { raw: { width: info.width, height: info.height, channels: 4 } });
}

async function storedPixelsOf(image: OpenedImage, failOn: FailOn): Promise<Sharp> {
  const { source, format, metadata, hidesMargin } = image;
  const limitInputPixels = maxInputPixels(format, metadata.isProgressive);
  const shown = hidesMargin ? await withTransparency(source) : undefined;
  const pixels = sharp(shown ?? (await inputFor(source, format)), { limitInputPixels, failOn });
  // libvips has an AVIF in colours also if it is grey, for which a profile of greys means nothing.
  if (format === 'avif' && isOfGreys(metadata.icc)) return pixels.pipelineColourspace('b-w');
  if (metadata.depth !== 'ushort' || !metadata.hasProfile) return pixels;
  // By the profile of a deep image sharp converts its colours to P3, which nothing takes further, and greys not at all.
  return pixels.pipelineColourspace(metadata.space === 'grey16' ? 'b-w' : 'srgb');
}

/** Whether that is what stands in a profile as the colours that it is for. */
const isOfGreys = (profile: Buffer | undefined): boolean => profile?.toString('latin1', 16, 20) === 'GRAY';

/**
 * Whose fault it is when no text tells. A PNG with a wrong checksum and a PNG encoder that fails by itself read alike;
 * an image that decodes when nothing else is asked of it is not to blame.
 */
async function culpritByDecoding(image: OpenedImage, failOn: FailOn, error: unknown): Promise<Culprit> {
  const onePixel = async (): Promise<Buffer> =>
    (await pixelsOf(image, failOn)).resize({ width: 1, height: 1, fit: 'fill' }).raw().toBuffer();
  return onePixel().then(
    () => culpritOfWhole(error),
    (again: unknown) => culpritOf(again) ?? 'file',
  );
}
