import { expect, it } from 'vitest';
import { hello } from '../../src/tasks/hello.ts';
import { checkParameters } from '../../src/tasks/parameters.ts';

const context = {
  sources: [],
  output: async () => {},
  progress: () => {},
  signal: new AbortController().signal,
};

it('hello greets whom it is told, in a bare string', async () => {
  expect(await hello.run({ name: 'Wyvern' }, context)).toBe('Hello Wyvern');
  expect(hello.files({})).toEqual([]);
  expect(hello.sources({ name: 'Wyvern' })).toEqual([]);
});

it('hello takes one name and nothing else', () => {
  expect(checkParameters(hello, {})).toEqual({
    ok: false,
    problems: { name: ['this field is required'] },
  });
  expect(checkParameters(hello, { name: 'a', greeting: 'b' })).toEqual({
    ok: false,
    problems: { greeting: ['unknown parameter'] },
  });
});
