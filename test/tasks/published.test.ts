import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { publishedParameters } from '../../src/tasks/published.ts';
import { task } from './every-parameter.ts';

describe('parameters', () => {
  it('are published without asking for what has a default', () => {
    expect(publishedParameters(task)).toMatchObject({ required: ['url'], additionalProperties: false });
  });

  it('are published without asking for what has a default inside another', () => {
    const inside = Type.Object({ width: Type.Integer(), crop: Type.Boolean({ default: true }) });
    const parameters = Type.Object({
      sizes: Type.Record(Type.String(), inside),
      list: Type.Array(inside),
      one: inside,
    });
    const published = JSON.parse(JSON.stringify(publishedParameters({ ...task, parameters })));
    const { sizes, list, one } = published.properties;
    const [record] = Object.values(sizes.patternProperties);
    for (const schema of [record, list.items, one]) expect(schema).toMatchObject({ required: ['width'] });
    expect(published.required).toEqual(['sizes', 'list', 'one']);
  });
});
