import { describe, expect, it } from 'vitest';
import { checkParameters } from '../../src/tasks/parameters.ts';
import { task } from './every-parameter.ts';

const url = 'http://example.com/a.jpg';
const problemsOf = (sent: Record<string, unknown>) => {
  const checked = checkParameters(task, sent);
  return checked.ok ? undefined : checked.problems;
};

describe('parameters', () => {
  it('that fit come back with the defaults of those that were left out', () => {
    expect(checkParameters(task, { url, width: 5 })).toEqual({
      ok: true,
      value: { url, width: 5, factor: 1.5, crop: false, rotation: 0, format: 'jpeg' },
    });
  });

  it('are not changed by the check', () => {
    const sent = Object.freeze({ url, sizes: Object.freeze({ small: Object.freeze({ width: 5 }) }) });
    expect(checkParameters(task, sent)).toMatchObject({
      ok: true,
      value: { sizes: { small: { width: 5, crop: false } } },
    });
    expect(sent.sizes.small).toEqual({ width: 5 });
  });

  it.each([
    [{}, { url: ['this field is required'] }],
    [{ url, colour: 1 }, { colour: ['unknown parameter'] }],
    [{ url: 'ftp://example.com/' }, { url: ['must be an absolute http or https URL'] }],
    [{ url: '/a.jpg' }, { url: ['must be an absolute http or https URL'] }],
    [{ url: 'http://' }, { url: ['must be an absolute http or https URL'] }],
    [{ url: 5 }, { url: ['must be a string'] }],
    [{ url, width: 0 }, { width: ['must be at least 1'] }],
    [{ url, width: -1 }, { width: ['must be at least 1'] }],
    [{ url, width: 1e9 }, { width: ['must be at most 8192'] }],
    [{ url, width: 1.5 }, { width: ['must be an integer'] }],
    [{ url, width: '300' }, { width: ['must be an integer'] }],
    [{ url, width: null }, { width: ['must be an integer'] }],
    [{ url, width: [] }, { width: ['must be an integer'] }],
    [{ url, width: {} }, { width: ['must be an integer'] }],
    [{ url, factor: 0 }, { factor: ['must be more than 0'] }],
    [{ url, crop: 'yes' }, { crop: ['must be true or false'] }],
    [{ url, rotation: 45 }, { rotation: ['must be one of: 0, 90, 180, 270'] }],
    [{ url, format: 'exe' }, { format: ["must be one of: 'jpeg', 'png'"] }],
    [{ url, images: [] }, { images: ['must not be empty'] }],
    [
      { url, images: [url, 5, 'x'] },
      { 'images[1]': ['must be a string'], 'images[2]': ['must be an absolute http or https URL'] },
    ],
    [{ url, sizes: { a: {} } }, { 'sizes.a.width': ['this field is required'] }],
    [
      { width: 'x', colour: 1 },
      { url: ['this field is required'], colour: ['unknown parameter'], width: ['must be an integer'] },
    ],
  ])('%j are refused with %j', (sent, problems) => {
    expect(problemsOf(sent)).toEqual(problems);
  });

  it('with the names of prototypes are unknown like any other', () => {
    const sent = JSON.parse(`{"url":"${url}","__proto__":{"width":5},"constructor":1}`);
    expect(Object.entries(problemsOf(sent) ?? {})).toEqual(
      expect.arrayContaining([
        ['__proto__', ['unknown parameter']],
        ['constructor', ['unknown parameter']],
      ]),
    );
  });

  it('with the names of prototypes are unknown inside another too', () => {
    const sent = JSON.parse(`{"url":"${url}","sizes":{"a":{"width":5,"__proto__":{"crop":true}}}}`);
    expect(problemsOf(sent)).toEqual({ 'sizes.a.__proto__': ['unknown parameter'] });
  });

  it('are all named when they are unknown, and what is missing too', () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`p${index}`, index]));
    expect(Object.keys(problemsOf(many) ?? {}).sort()).toEqual(['url', ...Object.keys(many)].sort());
  });

  it('are named within reason when they are thousands', () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`p${index}`, index]));
    const problems = problemsOf({ url, ...many }) ?? {};
    expect(Object.keys(problems)).toHaveLength(51);
    expect(problems['…']).toEqual(['and 19950 more unknown parameters']);
  });
});
