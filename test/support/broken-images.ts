import { crc32 } from 'node:zlib';
import sharp from 'sharp';

/** A PNG whose header claims this size; what follows the header is that of a small picture. */
export async function pngClaiming(width: number, height: number, isInterlaced = false): Promise<Buffer> {
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#123456' } })
    .png({ progressive: isInterlaced })
    .toBuffer();
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

/** A JPEG whose frame header claims this size. */
export async function jpegClaiming(width: number, height: number, progressive = false): Promise<Buffer> {
  const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#123456' } })
    .jpeg({ progressive })
    .toBuffer();
  // Start of frame: two bytes of marker, two of length, one of precision, then height and width.
  const frame = jpeg.indexOf(Buffer.from([0xff, progressive ? 0xc2 : 0xc0]));
  jpeg.writeUInt16BE(height, frame + 5);
  jpeg.writeUInt16BE(width, frame + 7);
  return jpeg;
}

/** A GIF whose logical screen and first frame claim this size: a frame that is smaller is believed more. */
export async function gifClaiming(width: number, height: number, isInterlaced = false): Promise<Buffer> {
  const gif = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#123456' } })
    .gif({ progressive: isInterlaced })
    .toBuffer();
  const frame = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 8, 0, 8, 0]));
  for (const at of [6, frame + 5]) {
    gif.writeUInt16LE(width, at);
    gif.writeUInt16LE(height, at + 2);
  }
  return gif;
}

/** An AVIF whose image property claims this size. */
export async function avifClaiming(width: number, height: number): Promise<Buffer> {
  const avif = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#123456' } })
    .avif({ effort: 0 })
    .toBuffer();
  // `ispe`: four bytes of name, four of version and flags, then width and height.
  const property = avif.indexOf('ispe');
  avif.writeUInt32BE(width, property + 8);
  avif.writeUInt32BE(height, property + 12);
  return avif;
}

/** 38 bytes: a lossless WebP of one colour that claims this size, at most 16,384 a side. */
export function webpClaiming(width: number, height: number): Buffer {
  const webp = Buffer.alloc(38);
  webp.write('RIFF', 0, 'latin1');
  webp.writeUInt32LE(30, 4);
  webp.write('WEBPVP8L', 8, 'latin1');
  webp.writeUInt32LE(18, 16);
  webp[20] = 0x2f;
  webp.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 21);
  webp[25] = 0x88;
  webp[26] = 0x88;
  webp[27] = 0x08;
  return webp;
}
