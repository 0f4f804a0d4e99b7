import { type Picture, pixelAt } from './picture.ts';

/* How alike two pictures look to people, by the pixels alone. Both must have the same size; alpha is not looked at. */

const WINDOW = 8;
const [C1, C2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];

/**
 * Whether they show the same shapes: the structural similarity (SSIM) of their luminance, the mean over windows of
 * 8 × 8 pixels. 1 is the same; a JPEG of good quality has 0.95 to itself, another part of the same photo 0.1.
 */
export function likeness(a: Picture, b: Picture): number {
  if (a.width !== b.width || a.height !== b.height) return 0;
  const [lightA, lightB] = [luminance(a), luminance(b)];
  let sum = 0;
  let windows = 0;
  for (let top = 0; top + WINDOW <= a.height; top += WINDOW / 2)
    for (let left = 0; left + WINDOW <= a.width; left += WINDOW / 2) {
      sum += ssimAt(lightA, lightB, top * a.width + left, a.width);
      windows += 1;
    }
  return sum / windows;
}

function ssimAt(a: Float64Array, b: Float64Array, from: number, stride: number): number {
  let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0];
  for (let y = 0; y < WINDOW; y += 1)
    for (let x = 0; x < WINDOW; x += 1) {
      const [sampleA = 0, sampleB = 0] = [a[from + y * stride + x], b[from + y * stride + x]];
      sumA += sampleA;
      sumB += sampleB;
      squaresA += sampleA ** 2;
      squaresB += sampleB ** 2;
      products += sampleA * sampleB;
    }
  const count = WINDOW ** 2;
  const [meanA, meanB] = [sumA / count, sumB / count];
  const spread = squaresA / count - meanA ** 2 + squaresB / count - meanB ** 2;
  const together = products / count - meanA * meanB;
  return ((2 * meanA * meanB + C1) * (2 * together + C2)) / ((meanA ** 2 + meanB ** 2 + C1) * (spread + C2));
}

const luminance = (from: Picture): Float64Array =>
  Float64Array.from({ length: from.width * from.height }, (_, at) => {
    const [red = 0, green = 0, blue = 0] = pixelAt(from, at % from.width, Math.floor(at / from.width));
    return 0.299 * red + 0.587 * green + 0.114 * blue;
  });

/**
 * How far their colours are apart: the mean distance in CIE Lab of squares of 4 × 4 pixels, so that what only dithers
 * does not count. Under 2 is hardly seen, 10 is another colour of the same name, red to green is 170.
 */
export function colourDistance(a: Picture, b: Picture): number {
  if (a.width !== b.width || a.height !== b.height) return Infinity;
  let sum = 0;
  let squares = 0;
  for (let top = 0; top + 4 <= a.height; top += 4)
    for (let left = 0; left + 4 <= a.width; left += 4) {
      const [labA, labB] = [labOf(meanAt(a, left, top)), labOf(meanAt(b, left, top))];
      sum += Math.hypot(...labA.map((sample, at) => sample - (labB[at] ?? 0)));
      squares += 1;
    }
  return sum / squares;
}

function meanAt(from: Picture, left: number, top: number): number[] {
  const sums = [0, 0, 0];
  for (let at = 0; at < 16; at += 1) {
    const pixel = pixelAt(from, left + (at % 4), top + Math.floor(at / 4));
    for (const channel of sums.keys()) sums[channel] = (sums[channel] ?? 0) + (pixel[channel] ?? 0) / 16;
  }
  return sums;
}

/** sRGB to CIE Lab under daylight (D65). */
function labOf(samples: readonly number[]): readonly number[] {
  const [red = 0, green = 0, blue = 0] = samples.map((sample) => {
    const part = sample / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const [x, y, z] = [
    (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
    0.2126 * red + 0.7152 * green + 0.0722 * blue,
    (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
  ].map((part) => (part > 0.008856 ? Math.cbrt(part) : 7.787 * part + 16 / 116)) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
