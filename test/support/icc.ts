import sharp from 'sharp';

/** One of the profiles that sharp brings: `p3`, or `srgb` itself. */
export async function colourProfile(name: 'srgb' | 'p3'): Promise<Buffer> {
  const create = { width: 1, height: 1, channels: 3, background: '#000000' } as const;
  const { icc } = await sharp(await sharp({ create }).withIccProfile(name).png().toBuffer()).metadata();
  if (!icc) throw new Error(`sharp wrote no profile ${name}`);
  return icc;
}

/** A profile of grey samples that grow darker with a larger gamma. */
export function greyProfile(gamma: number): Buffer {
  const profile = Buffer.alloc(128 + 4 + 2 * 12 + 20 + 16);
  profile.writeUInt32BE(profile.length, 0);
  profile.writeUInt32BE(0x02100000, 8);
  profile.write('mntrGRAYXYZ ', 12, 'latin1');
  profile.write('acsp', 36, 'latin1');
  // The illuminant D50, which is the white point too: XYZ in 16.16 fixed point.
  const white = [0xf6d6, 0x10000, 0xd32d];
  const writeWhite = (at: number): void => {
    for (const [index, part] of white.entries()) profile.writeUInt32BE(part, at + index * 4);
  };
  writeWhite(68);
  profile.writeUInt32BE(2, 128);
  const tag = (index: number, name: string, at: number, bytes: number) => {
    profile.write(name, 132 + index * 12, 'latin1');
    profile.writeUInt32BE(at, 136 + index * 12);
    profile.writeUInt32BE(bytes, 140 + index * 12);
  };
  tag(0, 'wtpt', 156, 20);
  profile.write('XYZ ', 156, 'latin1');
  writeWhite(164);
  tag(1, 'kTRC', 176, 14);
  profile.write('curv', 176, 'latin1');
  profile.writeUInt32BE(1, 184);
  profile.writeUInt16BE(Math.round(gamma * 256), 188);
  return profile;
}
