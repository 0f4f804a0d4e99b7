import sharp, { type Sharp } from 'sharp';

/** A real photo: a JPEG of 1024 × 768 pixels. */
export const RACCOON = new URL('../../ops/sample/raccoon.jpg', import.meta.url);

/** Opaque or transparent pixels, row by row, three or four bytes each. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Buffer;
}

/** A picture whose pixels are `paint`ed one by one. */
export function picture(
  width: number,
  height: number,
  paint: (x: number, y: number) => readonly number[],
): Picture {
  const channels = paint(0, 0).length as 3 | 4;
  const data = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) data.set(paint(x, y), (y * width + x) * channels);
  return { width, height, channels, data };
}

/** No two of its rows or columns are alike, nor any turn or mirror image of it. */
export const gradient = (width: number, height: number): Picture =>
  picture(width, height, (x, y) => [
    Math.floor((255 * x) / width),
    Math.floor((255 * y) / height),
    x < width / 3 && y < height / 3 ? 255 : 40,
  ]);

export const pixelAt = ({ width, channels, data }: Picture, x: number, y: number): number[] => [
  ...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels),
];

/** A sharp pipeline over the pixels. */
export const pipeline = ({ data, width, height, channels }: Picture): Sharp =>
  sharp(data, { raw: { width, height, channels } });

/** Decodes an encoded image as it is stored, whatever its orientation says. */
export async function decoded(bytes: Uint8Array): Promise<Picture> {
  const { data, info } = await sharp(bytes).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { data, width, height, channels: channels as 3 | 4 };
}

/** The mean difference of two pictures' samples, 0–255; infinite if their sizes differ. */
export function difference(a: Picture, b: Picture): number {
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels) return Infinity;
  let sum = 0;
  for (const [at, sample] of a.data.entries()) sum += Math.abs(sample - (b.data[at] ?? 0));
  return sum / a.data.length;
}
