import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { difference, gradient, pipeline } from '../../support/picture.ts';
import { runOn, shownBy } from '../../support/run-task.ts';
import { ORIENTATIONS, shrunk, stored, turned } from '../../support/views.ts';

const shown = gradient(96, 64);
const asPng = (orientation: number) =>
  pipeline(stored(shown, orientation)).withMetadata({ orientation }).png().toBuffer();
const everyTurn = ORIENTATIONS.flatMap((orientation) =>
  [0, 90, 180, 270].map((rotation) => ({ orientation, rotation })),
);

describe('an image of each EXIF orientation', () => {
  it.each(everyTurn)(
    '$orientation comes out upright, and turned by $rotation, to the pixel',
    async (turn) => {
      const parameters = { rotation: turn.rotation, format: 'png' };
      const ran = await runOn<object>(imageThumb, await asPng(turn.orientation), parameters);
      const expected = turned(shown, turn.rotation);
      const made = await shownBy(ran);
      expect([made.width, made.height]).toEqual([expected.width, expected.height]);
      expect(made.data.equals(expected.data)).toBe(true);
      expect(ran.result).toMatchObject({ width: expected.width, height: expected.height });
      expect(ran.result).toMatchObject({ original_width: shown.width, original_height: shown.height });
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
      const made = await shownBy(await runOn(imageThumb, jpeg, parameters));
      expect(difference(made, expected)).toBeLessThan(4);
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
    const made = await shownBy(await runOn(imageThumb, bare, { rotation, format: 'png' }));
    expect(made.data.equals(shown.data)).toBe(true);
  });

  it('without one is left as it is, and nothing is told', async () => {
    const { result } = await runOn(imageInfo, await pipeline(shown).png().toBuffer());
    expect(result).toMatchObject({ exif_orientation: null, rotation: null });
  });
});
