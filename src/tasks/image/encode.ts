import type { Sharp } from 'sharp';
import type { Output } from '../definition.ts';
import { contentTypeOf, extensionOf, type Format } from './limits.ts';

// sharp's default is 7. Still: 0.3 s of CPU and 597 kB, at 7 1.1 s and 547 kB; 20 frames of 320 × 240 pixels: 0.7 s and
// 1.43 MB, at 7 4.3 s and 1.36 MB.
const GIF_EFFORT = 2;

/**
 * Sets how pixels are written. Metadata is dropped and colours become 8-bit sRGB, both sharp's defaults.
 *
 * CPU and bytes of a photo of 1000 × 750 pixels at quality 80, how close it is to the original in decibels, and the same
 * of what was passed over (`npm run bench -- encoders`):
 * - JPEG: 8 ms, 154 kB, 38.4 dB; by mozjpeg 65 ms, 127 kB, 37.6 dB
 * - PNG, rows filtered adaptively, level 4: 45 ms, 1.25 MB; sharp's defaults, unfiltered at level 6, make twice the bytes
 * - WebP, effort 2: 31 ms, 120 kB, 36.7 dB; sharp's default 4 67 ms, 116 kB, 37.2 dB
 * - AVIF, effort 1: 0.2 s, 146 kB, 40.4 dB; 2 0.3 s, 145 kB, 40.5 dB; sharp's default 4 2.2 s, 136 kB, 40.7 dB
 * - AVIF, colours at half the resolution, as in JPEG: of 2800 × 2800 pixels 1.3 s and 265 MB; sharp's default 4:4:4
 *   1.9 s and 351 MB
 */
export function encodeAs(pixels: Sharp, format: Format, quality: number): Sharp {
  switch (format) {
    case 'jpeg':
      return pixels.jpeg({ quality });
    case 'png':
      return pixels.png({ adaptiveFiltering: true, compressionLevel: 4 });
    case 'webp':
      return pixels.webp({ quality, effort: 2 });
    case 'gif':
      return pixels.gif({ effort: GIF_EFFORT });
    case 'avif':
      return pixels.avif({ quality, effort: 1, chromaSubsampling: '4:2:0' });
  }
}

/** What was written, as the file that clients find under this name. */
export const outputOf = (name: string, format: Format, data: Uint8Array): Output => ({
  name,
  extension: extensionOf(format),
  contentType: contentTypeOf(format),
  data,
});

interface Playing {
  readonly frames: number;
  /** How often it plays, 0 for ever. */
  readonly plays: number;
  readonly frameSeconds: number;
}

/** Sets how frames become an animation. GIF counts in hundredths of a second. */
export const encodeAnimation = (pixels: Sharp, { frames, plays, frameSeconds }: Playing): Sharp =>
  pixels.gif({
    effort: GIF_EFFORT,
    loop: plays,
    // As many frames as images, also if two are alike.
    keepDuplicateFrames: true,
    // One for each: of frames that were made here, sharp gives a single one to the first only.
    delay: Array.from({ length: frames }, () => toHundredths(frameSeconds) * 10),
  });

/** Half a hundredth rounds up as it was written: 0.145 times 100 is a little under 14.5. */
const toHundredths = (seconds: number): number => Math.round(Number((seconds * 100).toFixed(6)));
