/** Pixels of four bytes each: red, green, blue, alpha. */
export interface Rgba {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Alpha from which a pixel counts as seen. */
const SEEN = 128;

/**
 * The most common colour as `#rrggbb`; null if nothing is seen. Colours are counted in 4,096 boxes, 16 steps a
 * channel, and the fullest box answers with the mean of what lies in it.
 */
export function dominantColour({ data }: Rgba): string | null {
  const boxes = new Map<number, { count: number; red: number; green: number; blue: number }>();
  let fullest = { count: 0, red: 0, green: 0, blue: 0 };
  for (let at = 0; at < data.length; at += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = data.subarray(at, at + 4);
    if (alpha < SEEN) continue;
    const key = ((red >> 4) << 8) | ((green >> 4) << 4) | (blue >> 4);
    const box = boxes.get(key) ?? { count: 0, red: 0, green: 0, blue: 0 };
    boxes.set(key, box);
    box.count += 1;
    box.red += red;
    box.green += green;
    box.blue += blue;
    if (box.count > fullest.count) fullest = box;
  }
  const { count, red, green, blue } = fullest;
  if (count === 0) return null;
  return `#${[red, green, blue]
    .map((sum) =>
      Math.round(sum / count)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

/** Pixels of red, green and blue, with the alpha of what is opaque. */
export function withAlpha(rgb: Buffer): Buffer {
  const rgba = Buffer.alloc((rgb.length / 3) * 4, 255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) rgb.copy(rgba, to, from, from + 3);
  return rgba;
}

/** The same pixels over white, opaque. */
export function overWhite({ data, width, height }: Rgba): Rgba {
  const opaque = Buffer.alloc(data.length, 255);
  for (let at = 0; at < data.length; at += 1) {
    const alpha = data[at | 3] ?? 255;
    if ((at & 3) !== 3) opaque[at] = Math.round(((data[at] ?? 0) * alpha + 255 * (255 - alpha)) / 255);
  }
  return { data: opaque, width, height };
}
