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

const NOTHING: Exif = {
  orientation: null,
  dateTime: null,
  flash: null,
  focalLength: null,
  isoSpeed: null,
  exposureTime: null,
};

const TAGS = {
  orientation: 0x0112,
  dateTime: 0x0132,
  exifFolder: 0x8769,
  dateTimeOriginal: 0x9003,
  dateTimeDigitized: 0x9004,
  exposureTime: 0x829a,
  isoSpeed: 0x8827,
  flash: 0x9209,
  focalLength: 0x920a,
} as const;

const ASCII = 2;
const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;

const DATE_BYTES = 19;
const DATE = /^\d{4}:\d{2}:\d{2} \d{2}:\d{2}:\d{2}$/;
const NO_DATE = '0000:00:00 00:00:00';

/**
 * Reads the few tags that are wanted, one value each, and follows one pointer. Never throws: what is broken is unknown.
 *
 * By hand, because the readers on npm make an array of every tag: in the 64 kB that a JPEG's EXIF may have, tags whose
 * values overlap made `exif-reader` 2.0.3 take 4 GB and half a minute.
 */
export function readExif(block: Buffer | undefined): Exif {
  if (!block) return NOTHING;
  const start = block.toString('latin1', 0, 6) === 'Exif\0\0' ? 6 : 0;
  const tiff = block.subarray(start);
  try {
    return readTiff(new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength));
  } catch (error) {
    // An offset that points outside of the block.
    if (error instanceof RangeError) return NOTHING;
    throw error;
  }
}

function readTiff(view: DataView): Exif {
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return NOTHING;
  const image = new Folder(view, view.getUint32(4, order === 0x4949), order === 0x4949);
  const pointer = image.integer(TAGS.exifFolder);
  const photo = pointer === null ? undefined : new Folder(view, pointer, order === 0x4949);
  const orientation = image.integer(TAGS.orientation) ?? 0;
  const flash = photo?.integer(TAGS.flash) ?? null;
  return {
    orientation: orientation >= 1 && orientation <= 8 ? orientation : null,
    dateTime:
      photo?.date(TAGS.dateTimeOriginal) ?? photo?.date(TAGS.dateTimeDigitized) ?? image.date(TAGS.dateTime),
    // The lowest bit says whether it fired, the others how it was set.
    flash: flash === null ? null : (flash & 1) === 1,
    focalLength: photo?.rational(TAGS.focalLength) ?? null,
    isoSpeed: photo?.integer(TAGS.isoSpeed) ?? null,
    exposureTime: photo?.rational(TAGS.exposureTime) ?? null,
  };
}

/** An image file directory of TIFF: a count, then entries of 12 bytes: tag, type, count, and the value or where it is. */
class Folder {
  readonly #view: DataView;
  readonly #isLittle: boolean;
  readonly #entries = new Map<number, number>();

  constructor(view: DataView, offset: number, isLittle: boolean) {
    this.#view = view;
    this.#isLittle = isLittle;
    const count = view.getUint16(offset, isLittle);
    for (let at = offset + 2; at < offset + 2 + count * 12 && at + 12 <= view.byteLength; at += 12)
      this.#entries.set(view.getUint16(at, isLittle), at);
  }

  /** The first of up to four bytes' worth; more of them would stand elsewhere, and no tag that is wanted has more. */
  integer(tag: number): number | null {
    const at = this.#entries.get(tag);
    if (at === undefined) return null;
    const type = this.#view.getUint16(at + 2, this.#isLittle);
    const count = this.#view.getUint32(at + 4, this.#isLittle);
    if (type === SHORT && count <= 2) return this.#view.getUint16(at + 8, this.#isLittle);
    return type === LONG && count <= 1 ? this.#view.getUint32(at + 8, this.#isLittle) : null;
  }

  rational(tag: number): number | null {
    const at = this.#entries.get(tag);
    if (at === undefined || this.#view.getUint16(at + 2, this.#isLittle) !== RATIONAL) return null;
    const value = this.#view.getUint32(at + 8, this.#isLittle);
    const quotient =
      this.#view.getUint32(value, this.#isLittle) / this.#view.getUint32(value + 4, this.#isLittle);
    return Number.isFinite(quotient) ? quotient : null;
  }

  date(tag: number): string | null {
    const at = this.#entries.get(tag);
    if (at === undefined || this.#view.getUint16(at + 2, this.#isLittle) !== ASCII) return null;
    const value = this.#view.getUint32(at + 8, this.#isLittle);
    let text = '';
    for (let index = 0; index < DATE_BYTES; index += 1)
      text += String.fromCharCode(this.#view.getUint8(value + index));
    return DATE.test(text) && text !== NO_DATE ? text : null;
  }
}
