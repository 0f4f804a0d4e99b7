import Type from 'typebox';
import { defineTask } from '../../src/tasks/definition.ts';
import { sourceUrl } from '../../src/tasks/url.ts';

export const task = defineTask({
  name: 'try',
  description: 'A task with every kind of parameter',
  parameters: Type.Object(
    {
      url: sourceUrl('a source'),
      width: Type.Optional(Type.Integer({ minimum: 1, maximum: 8192 })),
      factor: Type.Number({ default: 1.5, exclusiveMinimum: 0 }),
      crop: Type.Boolean({ default: false }),
      rotation: Type.Enum([0, 90, 180, 270], { default: 0 }),
      format: Type.Enum(['jpeg', 'png'], { default: 'jpeg' }),
      images: Type.Optional(Type.Array(sourceUrl('one of them'), { minItems: 1, maxItems: 3 })),
      sizes: Type.Optional(
        Type.Record(
          Type.String(),
          Type.Object(
            { width: Type.Integer(), crop: Type.Boolean({ default: false }) },
            { additionalProperties: false },
          ),
        ),
      ),
    },
    { additionalProperties: false },
  ),
  result: Type.Unknown(),
  runsIn: 'worker',
  hasDeadline: true,
  run: async () => null,
});
