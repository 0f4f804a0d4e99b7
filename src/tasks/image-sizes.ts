import Type from 'typebox';
import { defineTask } from './definition.ts';
import { FILE_NAME_PATTERN } from './file-name.ts';
import { FORMATS } from './image/limits.ts';
import { areSlowToWrite, crop, format, imageUrl, MANY, quality, resultSides } from './image-parameters.ts';

const MAX_SIZES = 20;

const size = Type.Object(
  {
    ...resultSides,
    crop,
  },
  { additionalProperties: false },
);

export const imageSizes = defineTask({
  name: 'image.sizes',
  description:
    'Makes several sizes of an image: upright, in sRGB and without metadata. Of an animation, the first frame. Each is there as soon as it is made.',
  parameters: Type.Object(
    {
      url: imageUrl(),
      sizes: Type.Record(Type.String(), size, {
        description:
          'the sizes by the names of their files, which are up to 64 of a-z, 0-9, - and _, and begin with a letter or digit; `sizes` is taken',
        propertyNames: { pattern: FILE_NAME_PATTERN },
        minProperties: 1,
        maxProperties: MAX_SIZES,
      }),
      format: format([...FORMATS]),
      quality,
    },
    { additionalProperties: false },
  ),
  result: Type.Object(
    {
      sizes: Type.Record(Type.String(), Type.Object({ width: Type.Integer(), height: Type.Integer() }), {
        description: 'the sizes that they have, in pixels, by their names',
      }),
    },
    { additionalProperties: Type.String({ format: 'uri', description: 'the URL of the file of that name' }) },
  ),
  runsIn: 'media',
  hasDeadline: true,
  files: ({ sizes = {} }) => Object.keys(sizes),
  isSlow: ({ sizes, format }) =>
    areSlowToWrite(Object.values(sizes), format) || Object.keys(sizes).length > MANY,
  sources: ({ url }) => [url],
  run: async (parameters, context) => {
    const { makeSizes } = await import('./image/sizes.ts');
    return makeSizes(parameters, context);
  },
});
