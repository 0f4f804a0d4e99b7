import Type from 'typebox';
import { defineTask } from './definition.ts';

export const hello = defineTask({
  name: 'hello',
  description: 'Says hello.',
  parameters: Type.Object(
    { name: Type.String({ description: 'whom to greet', maxLength: 10_000 }) },
    { additionalProperties: false },
  ),
  result: Type.String({ description: '`Hello <name>`' }),
  runsIn: 'worker',
  hasDeadline: true,
  run: async ({ name }) => `Hello ${name}`,
});
