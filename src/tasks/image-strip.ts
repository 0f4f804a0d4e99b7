import Type from 'typebox';
import { defineTask } from './definition.ts';
import { areSlowToWrite, crop, format, frameSides, imageUrls, MANY, pixels } from './image-parameters.ts';

export const imageStrip = defineTask({
  name: 'image.strip',
  description:
    'Puts images side by side into one, each upright and in a frame of its own, in sRGB. What they leave free is transparent, in jpeg white.',
  parameters: Type.Object(
    {
      urls: imageUrls('the images, in order; one may come again'),
      ...frameSides,
      crop,
      wrap: Type.Optional(
        Type.Integer({ description: 'frames in a row; without it, all are in one', minimum: 1 }),
      ),
      format: format(['jpeg', 'png', 'webp']),
    },
    { additionalProperties: false },
  ),
  result: Type.Object({
    count: Type.Integer({ description: 'number of images' }),
    width: pixels('width of the whole, in pixels'),
    height: pixels('height of the whole, in pixels'),
    content_type: Type.String({ description: 'media type of the result' }),
  }),
  runsIn: 'media',
  hasDeadline: true,
  files: () => ['output'],
  isSlow: ({ urls, width, height, format }) =>
    areSlowToWrite(
      urls.map(() => ({ width, height })),
      format,
    ) || urls.length > MANY,
  sources: ({ urls }) => urls,
  run: async (parameters, context) => {
    const { makeStrip } = await import('./image/strip.ts');
    return makeStrip(parameters, context);
  },
});
