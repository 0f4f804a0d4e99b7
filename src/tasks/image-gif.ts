import Type from 'typebox';
import { defineTask } from './definition.ts';
import { frameSides, imageUrls, pixels } from './image-parameters.ts';

export const imageGif = defineTask({
  name: 'image.gif',
  description:
    'Makes an animated GIF with the images as its frames: upright, in sRGB, fitted inside and in the middle. It can be seen through if each of the images may be; else it is over white.',
  parameters: Type.Object(
    {
      images: imageUrls('the frames, in order; one may come again'),
      loop: Type.Integer({
        description: 'how often it plays: 0 for ever, -1 once',
        default: 0,
        minimum: -1,
        maximum: 65_535,
      }),
      frame_duration: Type.Number({
        description: 'seconds that each frame is shown, to a hundredth; browsers show less than 0.02 as 0.1',
        default: 0.1,
        minimum: 0.01,
        maximum: 65.53,
      }),
      ...frameSides,
    },
    { additionalProperties: false },
  ),
  result: Type.Object({
    width: pixels('width of a frame, in pixels'),
    height: pixels('height of a frame, in pixels'),
    count: Type.Integer({ description: 'number of frames' }),
  }),
  runsIn: 'media',
  hasDeadline: true,
  files: () => ['output'],
  isSlow: () => true,
  sources: ({ images }) => images,
  run: async (parameters, context) => {
    const { makeGif } = await import('./image/gif.ts');
    return makeGif(parameters, context);
  },
});
