import Type, { type TSchema } from 'typebox';
import { defineTask } from './definition.ts';
import { imageUrl } from './image-parameters.ts';

const known = <T extends TSchema>(value: T, description: string) =>
  Type.Union([value, Type.Null()], { description: `${description}; null if unknown` });

/** What an AVIF says of how to turn it is carried out by its decoder, which does not tell. */
const SIDE = 'pixels, as stored; of an AVIF, as it is shown';

export const imageInfo = defineTask({
  name: 'image.info',
  description: 'Reads what an image file says about itself, and looks at its colours.',
  parameters: Type.Object({ url: imageUrl() }, { additionalProperties: false }),
  result: Type.Object({
    content_type: Type.String({ description: 'media type of the file, by its bytes' }),
    type: Type.Literal('image'),
    width: Type.Integer({ description: SIDE }),
    height: Type.Integer({ description: SIDE }),
    alpha: Type.Boolean({ description: 'whether pixels may be transparent' }),
    exif_orientation: known(Type.Integer({ minimum: 1, maximum: 8 }), 'orientation as EXIF writes it'),
    rotation: known(
      Type.Enum([0, 90, 180, 270]),
      'degrees to turn the image counter-clockwise to see it as shot; null also where it would have to be flipped',
    ),
    date_time: known(Type.String(), 'when it was taken, as EXIF writes it: `2009:11:02 01:21:55`'),
    flash: known(Type.Boolean(), 'whether the flash fired'),
    focal_length: known(Type.Number(), 'millimetres'),
    iso_speed: known(Type.Number(), 'ISO speed'),
    exposure_time: known(Type.Number(), 'seconds'),
    bytes: Type.Integer({ description: 'size of the file' }),
    frames: Type.Integer({
      description: 'images in the file; more than 1 for an animation, of which an AVIF counts the first only',
    }),
    blurhash: Type.String({ description: 'BlurHash of the upright first frame, 4 × 3 components' }),
    dominant_color: known(Type.String(), 'the most common colour, `#rrggbb`, of what is not transparent'),
  }),
  runsIn: 'media',
  hasDeadline: true,
  files: () => [],
  sources: ({ url }) => [url],
  run: async (_parameters, { sources: [source] }) => {
    const { readInfo } = await import('./image/info.ts');
    return readInfo(source);
  },
});
