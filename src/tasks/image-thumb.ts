import Type from 'typebox';
import { defineTask } from './definition.ts';
import { FORMATS } from './image/limits.ts';
import { areSlowToWrite, crop, format, imageUrl, pixels, quality, resultSides } from './image-parameters.ts';

export const imageThumb = defineTask({
  name: 'image.thumb',
  description:
    'Makes a smaller, or larger, copy of an image: upright, in sRGB and without metadata. Of an animation, the first frame.',
  parameters: Type.Object(
    {
      url: imageUrl(),
      ...resultSides,
      crop,
      rotation: Type.Enum([0, 90, 180, 270], {
        description:
          'degrees to turn the upright image counter-clockwise; width and height are those of the result',
        default: 0,
      }),
      poster: Type.Boolean({ description: 'whether to draw a play icon in the centre', default: false }),
      format: format([...FORMATS]),
      quality,
    },
    { additionalProperties: false },
  ),
  result: Type.Object({
    width: pixels('width of the result, in pixels'),
    height: pixels('height of the result, in pixels'),
    original_width: pixels('width of the upright source, in pixels'),
    original_height: pixels('height of the upright source, in pixels'),
    content_type: Type.String({ description: 'media type of the result' }),
  }),
  runsIn: 'media',
  hasDeadline: true,
  files: () => ['output'],
  isSlow: (parameters) => areSlowToWrite([parameters], parameters.format),
  sources: ({ url }) => [url],
  run: async (parameters, context) => {
    const { makeThumb } = await import('./image/thumb.ts');
    return makeThumb(parameters, context);
  },
});
