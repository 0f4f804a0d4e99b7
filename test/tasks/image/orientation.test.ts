import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import {
  decoded,
  difference,
  gradient,
  type Picture,
  picture,
  pipeline,
  pixelAt,
} from '../../support/picture.ts';
import { runOn } from '../../support/run-task.ts';

interface Place {
  readonly x: number;
  readonly y: number;
}
type Where = (
  row: number,
  column: number,
  shown: { readonly width: number; readonly height: number },
) => Place;

/** EXIF's definition: which side of the upright picture the stored row 0 and the stored column 0 are. */
const PLACES: Readonly<Record<number, Where>> = {
  1: (row, column) => ({ x: column, y: row }),
  2: (row, column, { width }) => ({ x: width - 1 - column, y: row }),
  3: (row, column, { width, height }) => ({ x: width - 1 - column, y: height - 1 - row }),
  4: (row, column, { height }) => ({ x: column, y: height - 1 - row }),
  5: (row, column) => ({ x: row, y: column }),
  6: (row, column, { width }) => ({ x: width - 1 - row, y: column }),
  7: (row, column, { width, height }) => ({ x: width - 1 - row, y: height - 1 - column }),
  8: (row, column, { height }) => ({ x: row, y: height - 1 - column }),
};

/** How a camera that is held so stores what it sees. */
function stored(shown: Picture, orientation: number): Picture {
  const isOnItsSide = orientation > 4;
  const [width, height] = isOnItsSide ? [shown.height, shown.width] : [shown.width, shown.height];
  return picture(width, height, (column, row) => {
    const { x, y } = (PLACES[orientation] as Where)(row, column, shown);
    return pixelAt(shown, x, y);
  });
}

/** One quarter turn counter-clockwise: the right side becomes the top. */
const quarterTurn = (from: Picture): Picture =>
  picture(from.height, from.width, (x, y) => pixelAt(from, from.width - 1 - y, x));

const turned = (from: Picture, rotation: number): Picture =>
  rotation === 0 ? from : turned(quarterTurn(from), rotation - 90);

/** The mean of each square of `factor` × `factor` pixels. */
const shrunk = (from: Picture, factor: number): Picture =>
  picture(from.width / factor, from.height / factor, (x, y) => {
    const sums = [0, 0, 0];
    for (let at = 0; at < factor * factor; at += 1) {
      const pixel = pixelAt(from, x * factor + (at % factor), y * factor + Math.floor(at / factor));
      for (const channel of sums.keys()) sums[channel] = (sums[channel] ?? 0) + (pixel[channel] ?? 0);
    }
    return sums.map((sum) => sum / factor ** 2);
  });

const shown = gradient(96, 64);
const asPng = (orientation: number) =>
  pipeline(stored(shown, orientation)).withMetadata({ orientation }).png().toBuffer();
const everyTurn = Object.keys(PLACES).flatMap((key) =>
  [0, 90, 180, 270].map((rotation) => ({ orientation: Number(key), rotation })),
);

describe('an image of each EXIF orientation', () => {
  it.each(everyTurn)(
    '$orientation comes out upright, and turned by $rotation, to the pixel',
    async (turn) => {
      const { result, outputs } = await runOn<Record<string, number>>(
        imageThumb,
        await asPng(turn.orientation),
        { rotation: turn.rotation, format: 'png' },
      );
      const expected = turned(shown, turn.rotation);
      const made = await decoded(outputs[0]?.data as Buffer);
      expect([made.width, made.height]).toEqual([expected.width, expected.height]);
      expect(made.data.equals(expected.data)).toBe(true);
      expect(result).toMatchObject({ width: expected.width, height: expected.height });
      expect(result).toMatchObject({ original_width: shown.width, original_height: shown.height });
    },
  );

  it.each(everyTurn)('$orientation, turned by $rotation, is also sized the right way round', async (turn) => {
    const jpeg = await pipeline(stored(shown, turn.orientation))
      .withMetadata({ orientation: turn.orientation })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const expected = turned(shrunk(shown, 4), turn.rotation);
    const size = { width: expected.width, height: expected.height };
    for (const crop of [false, true]) {
      const parameters = { ...size, crop, rotation: turn.rotation, format: 'png' };
      const { outputs } = await runOn(imageThumb, jpeg, parameters);
      expect(difference(await decoded(outputs[0]?.data as Buffer), expected)).toBeLessThan(4);
    }
  });

  it.each([
    [1, 0],
    [2, null],
    [3, 180],
    [4, null],
    [5, null],
    [6, 270],
    [7, null],
    [8, 90],
  ])('%i is told with the rotation that shows it as shot: %s', async (orientation, rotation) => {
    const png = await asPng(orientation);
    const { result } = await runOn<{ width: number; height: number }>(imageInfo, png);
    expect(result).toMatchObject({ exif_orientation: orientation, rotation });
    const isOnItsSide = orientation > 4;
    expect([result.width, result.height]).toEqual(isOnItsSide ? [64, 96] : [96, 64]);
    if (rotation === null) return;
    // The same word in both tasks: what `rotation` says of an image that lost its EXIF makes it upright.
    const bare = await pipeline(stored(shown, orientation)).png().toBuffer();
    const { outputs } = await runOn(imageThumb, bare, { rotation, format: 'png' });
    expect((await decoded(outputs[0]?.data as Buffer)).data.equals(shown.data)).toBe(true);
  });

  it('without one is left as it is, and nothing is told', async () => {
    const { result } = await runOn(imageInfo, await pipeline(shown).png().toBuffer());
    expect(result).toMatchObject({ exif_orientation: null, rotation: null });
  });
});
