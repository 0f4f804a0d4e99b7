import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonError } from '../../src/accounts/json-syntax.ts';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('the place of a JSON error', () => {
  it.each([
    ['{"a": 1,}', 1, 9],
    ['{"a": 1\n "b": 2}', 2, 2],
    ['{\n  "a": [1, 2,\n]}', 3, 1],
    ["{'a': 1}", 1, 2],
    ['{"a": nope}', 1, 7],
    ['{"a": "never closed}', 1, 7],
    ['{"a": 1', 1, 8],
    ['{"a": 1}}', 1, 9],
    ['[1}', 1, 3],
    ['{"a" 1}', 1, 6],
    ['{1: 2}', 1, 2],
    ['// a comment\n{}', 1, 1],
    ['01', 1, 2],
    ['"bad \\x escape"', 1, 1],
    ['', 1, 1],
  ])('of %j is line %i, column %i', (text, line, column) =>
    expect(findJsonError(text)).toEqual({ line, column }),
  );

  it('is nowhere in JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => void expect(findJsonError(text)).toBeUndefined()),
    );
    expect(
      findJsonError(' {"a" : [ ], "b":{ },\r\n\t"c":[-0.5e+3, true ,null,"\\u00e9\\""]} '),
    ).toBeUndefined();
  });

  it('is found exactly where JSON.parse finds fault', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'nul',
      ' ',
      '\n',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        expect(findJsonError(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is found in spoiled documents just as JSON.parse finds fault', () => {
    const spoiled = fc
      .tuple(
        fc.json({ maxDepth: 4 }),
        fc.nat(),
        fc.nat({ max: 3 }),
        fc.string({ unit: 'binary', maxLength: 2 }),
      )
      .map(([text, at, cut, other]) => {
        const from = at % (text.length + 1);
        return text.slice(0, from) + other + text.slice(from + cut);
      });
    fc.assert(
      fc.property(spoiled, (text) => void expect(findJsonError(text) === undefined).toBe(isJson(text))),
      { numRuns: 1_000 },
    );
  });
});
