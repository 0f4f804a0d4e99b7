import type { Sharp } from 'sharp';
import type { Format } from './limits.ts';

const GIF_EFFORT = 2;

/**
 * Sets how pixels are written. Metadata is dropped and colours become 8-bit sRGB, both sharp's defaults.
 *
 * CPU and bytes of a photo of 1600 × 1200 pixels at each choice, and at the one that was passed over:
 * - PNG, rows filtered adaptively, level 4: 141 ms, 2.5 MB; sharp's default 114 ms, 4.8 MB
 * - WebP, effort 2: 84 ms, 195 kB; sharp's default 4 194 ms, 187 kB
 * - GIF, effort 2: 830 ms, 1.4 MB; sharp's default 7 2.8 s, 1.3 MB
 * - AVIF, effort 1: 550 ms, 257 kB; 2 970 ms, 255 kB; sharp's default 4 5.9 s, 216 kB
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

export interface Playing {
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
    delay: Array.from({ length: frames }, () => Math.round(frameSeconds * 100) * 10),
  });
