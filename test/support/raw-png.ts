import { crc32, deflateSync } from 'node:zlib';

export type PngKind = 'grey' | 'rgb' | 'palette' | 'grey and alpha' | 'rgba';

const TYPES: Readonly<Record<PngKind, { readonly type: number; readonly samples: number }>> = {
  grey: { type: 0, samples: 1 },
  rgb: { type: 2, samples: 3 },
  palette: { type: 3, samples: 1 },
  'grey and alpha': { type: 4, samples: 2 },
  rgba: { type: 6, samples: 4 },
};

export interface RawPng {
  readonly width: number;
  readonly height: number;
  readonly kind: PngKind;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** The samples of a pixel, as the file has them. */
  paint(x: number, y: number): readonly number[];
  /** Chunks between the header and the pixels: their names and their bytes. */
  readonly chunks?: readonly (readonly [string, Buffer])[];
  /** Chunks after the pixels. */
  readonly late?: readonly (readonly [string, Buffer])[];
}

/** A PNG written byte by byte, so that a test knows each of its samples. */
export function rawPng({ width, height, kind, depth, paint, chunks = [], late = [] }: RawPng): Buffer {
  const { type, samples } = TYPES[kind];
  const rowBytes = Math.ceil((width * samples * depth) / 8);
  const rows = Buffer.alloc((rowBytes + 1) * height);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      for (const [at, sample] of paint(x, y).entries())
        write(rows, (y * (rowBytes + 1) + 1) * 8 + (x * samples + at) * depth, depth, sample);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...chunks.map(([name, data]) => chunk(name, data)),
    chunk('IDAT', deflateSync(rows)),
    ...late.map(([name, data]) => chunk(name, data)),
    chunk('IEND', Buffer.of()),
  ]);
}

function write(rows: Buffer, bit: number, depth: number, sample: number): void {
  const at = bit >> 3;
  if (depth === 16) rows.writeUInt16BE(sample, at);
  else rows[at] = (rows[at] ?? 0) | (sample << (8 - depth - (bit & 7)));
}

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
