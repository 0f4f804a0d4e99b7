/** The formats that are read and written. */
export const FORMATS = ['jpeg', 'gif', 'png', 'webp', 'avif'] as const;
export type Format = (typeof FORMATS)[number];

export const contentTypeOf = (format: Format): string => `image/${format}`;

export const extensionOf = (format: Format): string => (format === 'jpeg' ? 'jpg' : format);

/** Pixels, of either side of an output. */
export const MAX_SIDE = 8_192;

const MEGA = 1_000_000;

/**
 * Pixels that are decoded at most. The formats differ in what a decoder keeps of them: 20 bytes a pixel of an AVIF,
 * 3 to 8 of an interlaced PNG or a progressive JPEG, next to nothing of the others. At these limits the worst file
 * found takes 460 MB (AVIF of 12 bits), 290 (interlaced PNG of 16 bits), 320 (GIF). But for WebP: scaled on its way in it
 * takes up to 300 MB at 49 megapixels, whole 12 to 16 bytes a pixel, so that not much more than 36 fit then, or 25 if a
 * JPEG of that size is to be made; what does not fit says that it needs more memory.
 */
export const maxInputPixels = (format: Format, isProgressive: boolean): number => {
  if (format === 'avif') return 16 * MEGA;
  // Interlaced or not, a GIF is kept whole.
  return (isProgressive && format !== 'gif' ? 25 : 50) * MEGA;
};

/**
 * Pixels that are encoded at most. Full size (67 megapixels) takes the encoders of JPEG and PNG up to 800 MB, when it is
 * turned as well; WebP of noise with transparency more than 1 GB, where the codec's own failure must do. AVIF ran into a
 * limit of 600 MB between 13 and 16 megapixels (with transparency between 8 and 10), and GIF takes 6 to 8 seconds at 16.
 */
export function maxOutputPixels(format: Format): number {
  if (format === 'avif') return 13 * MEGA;
  return format === 'gif' ? 16 * MEGA : MAX_SIDE * MAX_SIDE;
}

/**
 * Pixels of images that are put together, into a strip or an animation. The sheet takes 3 or 4 bytes for each, beside
 * the image that is being decoded; the encoder of WebP takes more, and 16 megapixels with transparency take it 540 MB. A
 * GIF takes 0.37 s of CPU for each megapixel, so 9 s.
 */
export const maxSheetPixels = (format: Format): number => (format === 'webp' ? 16 : 25) * MEGA;

/** Pixels of a decoded image that are kept while others are made of it: 48 MB, or 64 with transparency. */
export const MAX_COPY_PIXELS = 16 * MEGA;

/** `268`, but `50.1` for what rounding would put at the limit. */
export const inMegapixels = (pixels: number, limit: number): string => {
  const rounded = Math.round(pixels / MEGA);
  return rounded * MEGA > limit ? String(rounded) : (Math.ceil(pixels / (MEGA / 10)) / 10).toFixed(1);
};
