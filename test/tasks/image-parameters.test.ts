import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/tasks/catalogue.ts';
import type { TaskDefinition } from '../../src/tasks/definition.ts';
import { FORMATS } from '../../src/tasks/image/limits.ts';
import { checkParameters } from '../../src/tasks/parameters.ts';
import { convertQuery } from '../../src/tasks/query-parameters.ts';

const url = 'http://example.com/a.jpg';
const SOURCES: Readonly<Record<string, object>> = {
  'image.info': { url },
  'image.thumb': { url },
  'image.sizes': { url, sizes: { a: {} } },
  'image.gif': { images: [url] },
  'image.strip': { urls: [url] },
};
const NAMES = Object.keys(SOURCES);
const NOT_AN_INTEGER = 'must be an integer';
const MUST_BE_URL = 'must be an absolute http or https URL';

const definitionOf = (name: string) => catalogue.get(name) as TaskDefinition;
/** What is wrong with the parameters, beside sources that are right. */
const problemsOf = (name: string, parameters: object): Record<string, string[]> => {
  const checked = checkParameters(definitionOf(name), { ...SOURCES[name], ...parameters });
  return checked.ok ? {} : checked.problems;
};

describe('the parameters of tasks on images', () => {
  it.each([
    ['image.info', { url }],
    ['image.thumb', { url, crop: false, rotation: 0, poster: false, format: 'jpeg', quality: 80 }],
    ['image.sizes', { url, sizes: { a: { crop: false } }, format: 'jpeg', quality: 80 }],
    ['image.gif', { images: [url], loop: 0, frame_duration: 0.1 }],
    ['image.strip', { urls: [url], crop: false, format: 'jpeg' }],
  ])('have these defaults: %s', (name, value) => {
    expect(checkParameters(definitionOf(name), { ...SOURCES[name] })).toEqual({ ok: true, value });
  });

  it.each(NAMES)('of %s say what images may be', (name) => {
    const told = JSON.stringify(definitionOf(name).parameters).match(
      /image, an? ([\w, ]+) by its first bytes/,
    );
    expect(
      told?.[1]
        ?.toLowerCase()
        .split(/, | or /)
        .sort(),
    ).toEqual([...FORMATS].sort());
  });

  describe.each(['image.thumb', 'image.gif', 'image.strip'])('of %s', (name) => {
    it.each(['width', 'height'])('take pixels as %s, up to 8,192', (side) => {
      for (const right of [1, 300, 8_192]) expect(problemsOf(name, { [side]: right })).toEqual({});
      for (const [wrong, text] of [
        [0, 'must be at least 1'],
        [-1, 'must be at least 1'],
        [8_193, 'must be at most 8192'],
        [1e9, 'must be at most 8192'],
        [1.5, NOT_AN_INTEGER],
        ['300', NOT_AN_INTEGER],
        [null, NOT_AN_INTEGER],
        [[], NOT_AN_INTEGER],
        [{}, NOT_AN_INTEGER],
        [true, NOT_AN_INTEGER],
      ] as const)
        expect(problemsOf(name, { [side]: wrong })).toEqual({ [side]: [text] });
    });
  });

  it.each(NAMES)('of %s are named when nobody knows them', (name) => {
    const strange = JSON.parse('{"__proto__":1,"constructor":2,"toString":3}') as object;
    expect(Object.entries(problemsOf(name, strange))).toEqual([
      ['__proto__', ['unknown parameter']],
      ['constructor', ['unknown parameter']],
      ['toString', ['unknown parameter']],
    ]);
  });

  it.each([
    ['image.gif', 'images'],
    ['image.strip', 'urls'],
  ])('of %s name 1 to 100 sources as %s', (name, list) => {
    for (const count of [1, 100])
      expect(problemsOf(name, { [list]: new Array(count).fill(url) })).toEqual({});
    expect(problemsOf(name, { [list]: [] })).toEqual({ [list]: ['must not be empty'] });
    for (const count of [101, 1_001])
      expect(problemsOf(name, { [list]: new Array(count).fill(url) })).toEqual({
        [list]: ['must have at most 100 items'],
      });
    expect(problemsOf(name, { [list]: url })).toEqual({ [list]: ['must be a list'] });
    expect(problemsOf(name, { [list]: [url, 'ftp://example.com/', 7] })).toEqual({
      [`${list}[1]`]: [MUST_BE_URL],
      [`${list}[2]`]: ['must be a string'],
    });
  });

  it.each([
    [{ loop: -2 }, { loop: ['must be at least -1'] }],
    [{ loop: 65_536 }, { loop: ['must be at most 65535'] }],
    [{ loop: 0.5 }, { loop: [NOT_AN_INTEGER] }],
    [{ frame_duration: 0 }, { frame_duration: ['must be at least 0.01'] }],
    [{ frame_duration: 1e-9 }, { frame_duration: ['must be at least 0.01'] }],
    [{ frame_duration: 1e9 }, { frame_duration: ['must be at most 65.53'] }],
    [{ frame_duration: '1' }, { frame_duration: ['must be a number'] }],
  ])('of image.gif are refused: %j', (parameters, problems) => {
    expect(problemsOf('image.gif', parameters)).toEqual(problems);
  });

  it.each([
    [{ wrap: 0 }, { wrap: ['must be at least 1'] }],
    [{ wrap: -1 }, { wrap: ['must be at least 1'] }],
    [{ wrap: 1.5 }, { wrap: [NOT_AN_INTEGER] }],
    [{ wrap: 1_000 }, {}],
    [{ format: 'gif' }, { format: ["must be one of: 'jpeg', 'png', 'webp'"] }],
    [{ quality: 80 }, { quality: ['unknown parameter'] }],
    [{ crop: 1 }, { crop: ['must be true or false'] }],
  ])('of image.strip %j have the problems %j', (parameters, problems) => {
    expect(problemsOf('image.strip', parameters)).toEqual(problems);
  });

  const NOT_A_NAME = 'is not a name: a-z, 0-9, - and _, up to 64, a letter or digit first, not sizes';
  it.each(['', 'Small', 'a b', 'a.jpg', '../a', '-a', '_a', 'a\n', 'ä', 'sizes', 'x'.repeat(65)])(
    'of image.sizes name no file %j',
    (name) => {
      const path = `sizes.${name}`.slice(0, 100);
      expect(problemsOf('image.sizes', { sizes: { [name]: {} } })).toEqual({ [path]: [NOT_A_NAME] });
    },
  );

  it('of image.sizes name no file as a prototype', () => {
    const sizes = JSON.parse('{"__proto__":{"width":5}}');
    expect(problemsOf('image.sizes', { sizes })).toEqual({ 'sizes.__proto__': [NOT_A_NAME] });
    expect(problemsOf('image.sizes', { sizes: { constructor: {}, valueof: {} } })).toEqual({});
  });

  it.each([
    [{}, { sizes: ['must not be empty'] }],
    [null, { sizes: ['must be an object'] }],
    [[], { sizes: ['must be an object'] }],
    [
      Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`n${at}`, {}])),
      { sizes: ['must have at most 20 members'] },
    ],
    [
      { a: { width: 0 }, b: { crop: 'x' } },
      { 'sizes.a.width': ['must be at least 1'], 'sizes.b.crop': ['must be true or false'] },
    ],
    [{ a: { rotation: 90 } }, { 'sizes.a.rotation': ['unknown parameter'] }],
    [{ a: 5 }, { 'sizes.a': ['must be an object'] }],
  ])('of image.sizes are refused: %j', (sizes, problems) => {
    expect(problemsOf('image.sizes', { sizes })).toEqual(problems);
  });

  it('are told of, however many are wrong', () => {
    const members = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`M${at}`, 1]));
    const sizes = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`n${at}`, members]));
    const problems = problemsOf('image.sizes', { sizes });
    expect(problems['sizes.n0.M0']).toEqual(['unknown parameter']);
    expect(JSON.stringify(problems).length).toBeLessThan(100_000);
  });

  it('are read from a query as their types ask', () => {
    const asked = new URLSearchParams(
      'images=http://example.com/1&images=http://example.com/2&loop=-1&frame_duration=0.5&width=9',
    );
    expect(convertQuery(definitionOf('image.gif'), asked)).toEqual({
      images: ['http://example.com/1', 'http://example.com/2'],
      loop: -1,
      frame_duration: 0.5,
      width: 9,
    });
    const sizes = { a: { width: 5, crop: true } };
    const query = new URLSearchParams({ url, sizes: JSON.stringify(sizes) });
    expect(convertQuery(definitionOf('image.sizes'), query)).toEqual({ url, sizes });
  });
});
