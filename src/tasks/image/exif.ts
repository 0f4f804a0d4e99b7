import exifReader from 'exifreader';

/** What EXIF says about how a photo was taken; null for what it does not say. */
export interface Exif {
  /** 1–8. */
  readonly orientation: number | null;
  /** `2009:11:02 01:21:55` */
  readonly dateTime: string | null;
  readonly flash: boolean | null;
  /** Millimetres. */
  readonly focalLength: number | null;
  readonly isoSpeed: number | null;
  /** Seconds. */
  readonly exposureTime: number | null;
}

const DATES = ['DateTimeOriginal', 'DateTimeDigitized', 'DateTime'] as const;
const WANTED = ['Orientation', ...DATES, 'ExposureTime', 'ISOSpeedRatings', 'Flash', 'FocalLength'] as const;
type Values = Partial<Readonly<Record<(typeof WANTED)[number], unknown>>>;

/** What a JPEG can hold, and so what readers expect; a PNG may bring 50 MB, to be read once for each of its tags. */
const MAX_BYTES = 65_535;

const DATE = /^\d{4}:\d{2}:\d{2} \d{2}:\d{2}:\d{2}$/;
const NO_DATE = '0000:00:00 00:00:00';

/** Reads the block that sharp hands over. Never throws: what is broken is unknown. */
export function readExif(block: Buffer | undefined): Exif {
  const values = block ? readValues(block) : {};
  const orientation = numberOf(values.Orientation) ?? 0;
  const flash = numberOf(values.Flash);
  return {
    orientation: orientation >= 1 && orientation <= 8 ? orientation : null,
    dateTime: DATES.map((name) => dateOf(values[name])).find((date) => date !== null) ?? null,
    // The lowest bit says whether it fired, the others how it was set.
    flash: flash === null ? null : (flash & 1) === 1,
    focalLength: quotientOf(values.FocalLength),
    // It may be a list; cameras that write one say the same twice, or end it with zeros.
    isoSpeed: numberOf([values.ISOSpeedRatings].flat()[0]),
    exposureTime: quotientOf(values.ExposureTime),
  };
}

function readValues(block: Buffer): Values {
  const start = block.toString('latin1', 0, 6) === 'Exif\0\0' ? 6 : 0;
  const { buffer, byteOffset, length } = block.subarray(start, start + MAX_BYTES);
  try {
    const view = new DataView(buffer, byteOffset, length);
    const { exif = {} } = exifReader.loadView(view, { expanded: true, includeTags: { exif: [...WANTED] } });
    return Object.fromEntries(WANTED.map((name) => [name, exif[name]?.value]));
  } catch {
    // A stranger's bytes, and all that is asked for is what they say: an image with broken EXIF says nothing.
    return {};
  }
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

function quotientOf(value: unknown): number | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const quotient = Number(value[0]) / Number(value[1]);
  return Number.isFinite(quotient) ? quotient : null;
}

function dateOf(value: unknown): string | null {
  const text = Array.isArray(value) ? value[0] : undefined;
  return typeof text === 'string' && DATE.test(text) && text !== NO_DATE ? text : null;
}
