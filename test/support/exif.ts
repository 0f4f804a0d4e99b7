/** One EXIF tag: its number, its TIFF type (2 text, 3 short, 4 long, 5 rational, 8 and 10 signed ones) and its value. */
export type Tag = readonly [
  tag: number,
  type: 2 | 3 | 4 | 5 | 8 | 10,
  value: string | number | readonly [number, number],
];

const EXIF_FOLDER = 0x8769;

/** A TIFF block as EXIF holds it: one folder of image tags, one of photo tags that it points to. */
export function exifBlock(image: readonly Tag[], photo: readonly Tag[], isLittle = true): Buffer {
  const block = Buffer.alloc(4_096);
  const word = (value: number, at: number) =>
    isLittle ? block.writeUInt16LE(value, at) : block.writeUInt16BE(value, at);
  const long = (value: number, at: number) =>
    isLittle ? block.writeUInt32LE(value, at) : block.writeUInt32BE(value, at);
  block.write(isLittle ? 'II' : 'MM', 0, 'latin1');
  word(42, 2);
  long(8, 4);
  let free = 2_048;
  const folder = (tags: readonly Tag[], at: number): void => {
    word(tags.length, at);
    for (const [index, [tag, type, value]] of tags.entries()) {
      const entry = at + 2 + index * 12;
      word(tag, entry);
      word(type, entry + 2);
      long(typeof value === 'string' ? value.length + 1 : 1, entry + 4);
      if (typeof value === 'number') type === 3 ? word(value, entry + 8) : long(value, entry + 8);
      else {
        long(free, entry + 8);
        if (typeof value === 'string') block.write(value, free, 'latin1');
        else for (const [half, part] of value.entries()) long(part >>> 0, free + half * 4);
        free += 64;
      }
    }
  };
  folder([...image, [EXIF_FOLDER, 4, 1_024]], 8);
  folder(photo, 1_024);
  return block;
}

/** Puts a TIFF block into a JPEG, as its EXIF segment. */
export function withExifBlock(jpeg: Buffer, tiff: Buffer): Buffer {
  const header = Buffer.from([0xff, 0xe1, 0, 0, ...Buffer.from('Exif\0\0', 'latin1')]);
  header.writeUInt16BE(tiff.length + 8, 2);
  return Buffer.concat([jpeg.subarray(0, 2), header, tiff, jpeg.subarray(2)]);
}
