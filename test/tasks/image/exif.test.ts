import { describe, expect, it } from 'vitest';
import { readExif } from '../../../src/tasks/image/exif.ts';
import { exifBlock, type Tag } from '../../support/exif.ts';

const SHOT: Tag[] = [
  [0x829a, 5, [1, 125]],
  [0x8827, 3, 400],
  [0x9003, 2, '2009:11:02 01:21:55'],
  [0x9209, 3, 0x19],
  [0x920a, 5, [350, 10]],
];
const shot = {
  orientation: null,
  dateTime: '2009:11:02 01:21:55',
  flash: true,
  focalLength: 35,
  isoSpeed: 400,
  exposureTime: 0.008,
};
const nothing = {
  orientation: null,
  dateTime: null,
  flash: null,
  focalLength: null,
  isoSpeed: null,
  exposureTime: null,
};

describe('EXIF', () => {
  it.each([true, false])('is read in either byte order (little first: %s)', (isLittle) => {
    expect(readExif(exifBlock([], SHOT, isLittle))).toEqual(shot);
    expect(
      readExif(Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exifBlock([], SHOT, isLittle)])),
    ).toEqual(shot);
  });

  it('dates a photo by when it was taken, then digitised, then changed', () => {
    const taken: Tag = [0x9003, 2, '2001:01:01 00:00:00'];
    const digitised: Tag = [0x9004, 2, '2002:01:01 00:00:00'];
    const changed: Tag = [0x0132, 2, '2003:01:01 00:00:00'];
    expect(readExif(exifBlock([changed], [taken, digitised])).dateTime).toBe('2001:01:01 00:00:00');
    expect(readExif(exifBlock([changed], [digitised])).dateTime).toBe('2002:01:01 00:00:00');
    expect(readExif(exifBlock([changed], [])).dateTime).toBe('2003:01:01 00:00:00');
  });

  it.each([
    ['an empty date', [[0x9003, 2, '    :  :     :  :  ']]],
    ['no date', [[0x9003, 2, '0000:00:00 00:00:00']]],
    ['a date of another form', [[0x9003, 2, '2009-11-02T01:21:55']]],
    ['a division by zero', [[0x829a, 5, [1, 0]]]],
    ['a month of 13 and an hour of 99', [[0x9003, 2, '2019:13:45 99:99:99']]],
    [
      'numbers of another type',
      [
        [0x829a, 2, '5'],
        [0x8827, 2, '400'],
        [0x9209, 5, [1, 1]],
      ],
    ],
    [
      'nothing of something',
      [
        [0x829a, 5, [0, 1]],
        [0x8827, 3, 0],
        [0x920a, 5, [0, 1]],
      ],
    ],
    [
      'less than nothing',
      [
        [0x829a, 10, [-1, 125]],
        [0x8827, 8, -400 & 0xffff],
        [0x920a, 10, [-35, 1]],
      ],
    ],
  ] as [string, Tag[]][])('takes %s for unknown', (_, photo) => {
    expect(readExif(exifBlock([], photo))).toEqual(nothing);
  });

  it('dates a photo by the first date that can be', () => {
    const changed: Tag = [0x0132, 2, '2003:01:01 00:00:00'];
    for (const impossible of ['2019:13:45 99:99:99', '0000:01:01 00:00:00', '2019:01:01 24:00:00'])
      expect(readExif(exifBlock([changed], [[0x9003, 2, impossible]])).dateTime).toBe('2003:01:01 00:00:00');
    for (const blank of ['2001:12:31 23:59:59 ', ' 2001:12:31 23:59:59'])
      expect(readExif(exifBlock([changed], [[0x9003, 2, blank]])).dateTime).toBe('2001:12:31 23:59:59');
  });

  it('has a plain number for an exposure time and a focal length', () => {
    const plain = readExif(
      exifBlock(
        [],
        [
          [0x829a, 3, 5],
          [0x920a, 3, 35],
        ],
      ),
    );
    expect(plain).toMatchObject({ exposureTime: 5, focalLength: 35 });
  });

  it('has an ISO speed that its tag is too small for from another', () => {
    const isoOf = (...tags: Tag[]) => readExif(exifBlock([], tags)).isoSpeed;
    expect(isoOf([0x8827, 3, 65_535], [0x8832, 4, 102_400])).toBe(102_400);
    expect(isoOf([0x8827, 3, 65_535], [0x8832, 4, 0], [0x8833, 4, 204_800])).toBe(204_800);
    expect(isoOf([0x8832, 4, 250])).toBe(250);
    expect(isoOf([0x8827, 3, 65_535])).toBe(65_535);
    expect(isoOf([0x8827, 3, 400], [0x8832, 4, 250])).toBe(400);
  });

  it('has the first of several ISO speeds', () => {
    const block = exifBlock([], [[0x8827, 3, 400]]);
    block.writeUInt32LE(2, 1_024 + 2 + 4);
    expect(readExif(block).isoSpeed).toBe(400);
  });

  it('says that the flash did not fire when its lowest bit is 0', () => {
    expect(readExif(exifBlock([], [[0x9209, 3, 0x10]])).flash).toBe(false);
  });

  it('is unknown when it is broken anywhere, and never throws', () => {
    expect(readExif(undefined)).toEqual(nothing);
    const block = exifBlock([], SHOT);
    for (let bytes = 0; bytes < 2_400; bytes += 1) readExif(block.subarray(0, bytes));
    let state = 1;
    for (let round = 0; round < 5_000; round += 1) {
      const damaged = Buffer.from(block);
      for (let change = 0; change < 8; change += 1) {
        state = (state * 48_271) % 2_147_483_647;
        damaged[state % 1_200] = state % 251;
      }
      readExif(damaged);
    }
  });

  it.each([
    ['64 kB', 65_527],
    ['50 MB', 50_000_000],
  ])(
    'of %s in which every tag claims all of it takes no time',
    (_, bytes) => {
      const block = Buffer.alloc(bytes, '1');
      block.write('II*\0', 0, 'latin1');
      block.writeUInt32LE(8, 4);
      const count = Math.min(65_535, Math.floor((block.length - 14) / 12));
      block.writeUInt16LE(count, 8);
      for (let index = 0; index < count; index += 1) {
        const entry = 10 + index * 12;
        // Half of them are dates, which are wanted.
        block.writeUInt16LE(index === 0 ? 0x8769 : index % 2 ? 0x9003 : index, entry);
        block.writeUInt16LE(index === 0 ? 4 : 2, entry + 2);
        block.writeUInt32LE(index === 0 ? 1 : block.length - 100, entry + 4);
        block.writeUInt32LE(8, entry + 8);
      }
      const startedAt = performance.now();
      expect(readExif(block)).toEqual(nothing);
      // It is a matter of half a second, or else of minutes; a busy machine has taken eight seconds.
      expect(performance.now() - startedAt).toBeLessThan(30_000);
    },
    60_000,
  );

  it('whose tags are said to stand at a text is not looked through, which took seconds', () => {
    const block = Buffer.alloc(64);
    block.write('MM\0\x2a\0\0\0\x08\0\x03', 'latin1');
    for (const [index, pointer] of [0x8769, 0x8825, 0xa005].entries()) {
      const at = 10 + 12 * index;
      block.writeUInt16BE(pointer, at);
      block.writeUInt16BE(2, at + 2);
      block.writeUInt32BE(4, at + 4);
      block.write('60.', at + 8, 'latin1');
    }
    block.writeUInt16BE(65_535, 60);
    for (const read of [block, Buffer.concat([Buffer.alloc(9), block]).subarray(9)]) {
      const startedAt = performance.now();
      expect(readExif(read)).toEqual(nothing);
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
  });
});
