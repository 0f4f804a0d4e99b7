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
/** What the tag of the ISO speed holds if it is too small for it, and where it stands then. */
const TOO_FAST = 65_535;
const SPEEDS = ['RecommendedExposureIndex', 'StandardOutputSensitivity', 'ISOSpeed'] as const;
const OTHERS = ['Orientation', 'ExposureTime', 'ISOSpeedRatings', 'Flash', 'FocalLength'] as const;
const WANTED = [...OTHERS, ...DATES, ...SPEEDS] as const;
type Values = Partial<Readonly<Record<(typeof WANTED)[number], unknown>>>;

/** What a JPEG can hold, and so what readers expect; a PNG may bring 50 MB, to be read once for each of its tags. */
const MAX_BYTES = 65_535;

const DATE = /^(?!0000)\d{4}:(0[1-9]|1[0-2]):(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/;

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
    focalLength: measureOf(values.FocalLength),
    isoSpeed: speedOf(values),
    exposureTime: measureOf(values.ExposureTime),
  };
}

/**
 * Where a file has a text for the place of further tags, the library takes it, and adds to it as to one: from `60.` it comes
 * to 60.1212…, with 130,000 digits for the last of 65,535 tags. 64 bytes took 24 s.
 */
class NumberedView extends DataView<ArrayBuffer> {
  override getUint16(at: number, isLittle?: boolean): number {
    if (typeof at !== 'number') throw new TypeError('the place of a tag is no number');
    return super.getUint16(at, isLittle);
  }
}

function readValues(block: Buffer): Values {
  const start = block.toString('latin1', 0, 6) === 'Exif\0\0' ? 6 : 0;
  // In memory of its own, of which the library makes no other view.
  const { buffer } = new Uint8Array(block.subarray(start, start + MAX_BYTES));
  try {
    const view = new NumberedView(buffer);
    const { exif = {} } = exifReader.loadView(view, { expanded: true, includeTags: { exif: [...WANTED] } });
    // Its types leave out some of the tags that it reads.
    const tags = exif as Readonly<Record<string, { readonly value: unknown } | undefined>>;
    return Object.fromEntries(WANTED.map((name) => [name, tags[name]?.value]));
  } catch {
    // A stranger's bytes, and all that is asked for is what they say: an image with broken EXIF says nothing.
    return {};
  }
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** A fraction, or a plain number as some programs write it. Zero is what those write who do not know. */
function measureOf(value: unknown): number | null {
  const measure =
    Array.isArray(value) && value.length === 2 ? Number(value[0]) / Number(value[1]) : numberOf(value);
  return measure !== null && Number.isFinite(measure) && measure > 0 ? measure : null;
}

function speedOf(values: Values): number | null {
  // It may be a list; cameras that write one say the same twice, or end it with zeros.
  const speed = measureOf([values.ISOSpeedRatings].flat()[0]);
  if (speed !== null && speed !== TOO_FAST) return speed;
  return SPEEDS.map((name) => measureOf(values[name])).find((other) => other !== null) ?? speed;
}

function dateOf(value: unknown): string | null {
  const text = Array.isArray(value) ? value[0] : undefined;
  const date = typeof text === 'string' ? text.trim() : '';
  return DATE.test(date) ? date : null;
}
