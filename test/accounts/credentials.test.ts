import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  extractCredentials,
  MAX_CREDENTIAL_LENGTH,
  type RequestParts,
} from '../../src/accounts/credentials.ts';

const problemOf = (parts: RequestParts) => {
  const extraction = extractCredentials(parts);
  return extraction.ok ? undefined : extraction.problem;
};
const found = (kind: string, value: string, location: string) => ({
  ok: true,
  credentials: { kind, value, location },
});

describe('the Authorization header', () => {
  it.each([
    ['Secret 123456', 'secret', '123456'],
    ['secret 123456', 'secret', '123456'],
    ['SECRET \t  123456  ', 'secret', '123456'],
    ['  Secret\t123456', 'secret', '123456'],
    ['Api-Key 654321', 'api_key', '654321'],
    ['aPI-kEY   654321', 'api_key', '654321'],
    ['Secret two words', 'secret', 'two words'],
  ])('%j is read', (authorization, kind, value) =>
    expect(extractCredentials({ authorization })).toEqual(found(kind, value, 'header')),
  );

  it.each([
    'Basic dXNlcjpwYXNz',
    'Bearer abc',
    'ApiKey 1',
    'Secret123456',
    'hunter2',
    'constructor x',
    ', ,',
  ])('%j is a problem that names what is expected and repeats nothing', (authorization) =>
    expect(problemOf({ authorization })).toEqual({
      name: 'Authorization',
      location: 'header',
      description: "Authorization must be 'Secret <secret>' or 'Api-Key <api key>'",
    }),
  );

  it.each(['Secret', 'secret   ', 'Api-Key'])('%j is a problem, for it lacks the value', (authorization) =>
    expect(problemOf({ authorization })?.description).toMatch(/^(secret|api_key) is empty$/),
  );

  it('wins over the body and the query, even when it is wrong', () => {
    const body = { secret: 'b' };
    const query = { secret: 'q' };
    expect(extractCredentials({ authorization: 'Secret h', body, query })).toEqual(
      found('secret', 'h', 'header'),
    );
    expect(extractCredentials({ authorization: 'Api-Key h', body, query })).toEqual(
      found('api_key', 'h', 'header'),
    );
    expect(problemOf({ authorization: 'Bearer h', body, query })?.location).toBe('header');
  });

  it.each(['', '   '])('%j counts as not sent', (authorization) =>
    expect(extractCredentials({ authorization, body: { secret: 'b' } })).toEqual(
      found('secret', 'b', 'body'),
    ),
  );
});

describe('the body and the query', () => {
  it.each(['body', 'query'] as const)('may hold a secret or an API key: %s', (place) => {
    expect(extractCredentials({ [place]: { secret: ' s ' } })).toEqual(found('secret', ' s ', place));
    expect(extractCredentials({ [place]: { api_key: 'k' } })).toEqual(found('api_key', 'k', place));
  });

  it('are asked in that order', () => {
    expect(extractCredentials({ body: { api_key: 'b' }, query: { secret: 'q' } })).toEqual(
      found('api_key', 'b', 'body'),
    );
    expect(extractCredentials({ body: {}, query: { secret: 'q' } })).toEqual(found('secret', 'q', 'query'));
  });

  it.each(['body', 'query'] as const)('let the secret decide over an API key: %s', (place) => {
    expect(extractCredentials({ [place]: { api_key: 'k', secret: 's' } })).toEqual(
      found('secret', 's', place),
    );
    expect(extractCredentials({ [place]: { api_key: 'k', secret: null } })).toEqual(
      found('api_key', 'k', place),
    );
    expect(problemOf({ [place]: { api_key: 'k', secret: 5 } })?.description).toBe('secret must be a string');
  });

  it.each([
    [5, 'secret must be a string'],
    [true, 'secret must be a string'],
    [{}, 'secret must be a string'],
    [['s'], 'secret must be a string'],
    ['', 'secret is empty'],
    ['x'.repeat(10_000), `secret is longer than ${MAX_CREDENTIAL_LENGTH} characters`],
  ])('with a secret of the wrong kind are a problem: %j', (secret, description) =>
    expect(problemOf({ body: { secret } })).toEqual({ name: 'secret', location: 'body', description }),
  );

  it('take a credential of the greatest length', () => {
    const secret = 'x'.repeat(MAX_CREDENTIAL_LENGTH);
    expect(extractCredentials({ body: { secret } })).toEqual(found('secret', secret, 'body'));
  });

  it('with a parameter given twice are a problem', () =>
    expect(problemOf({ query: { api_key: ['a', 'b'] } })).toEqual({
      name: 'api_key',
      location: 'query',
      description: 'api_key is given more than once',
    }));

  it.each([
    undefined,
    null,
    'secret',
    5,
    [],
    ['secret'],
    {},
    { secret: undefined },
    { secret: null, api_key: null },
    Object.create({ secret: 'inherited' }),
    JSON.parse('{"__proto__":{"secret":"s"}}'),
  ])('without credentials are missing them: %j', (body) =>
    expect(problemOf({ body })).toEqual({
      name: 'secret',
      location: body === undefined ? 'query' : 'body',
      description: expect.stringMatching(
        /^secret is missing: send .*Authorization: Secret.*Api-Key.*body.*query/,
      ),
    }),
  );
});

it('never crashes, and no problem repeats what was sent', () => {
  const value = fc.anything({ withNullPrototype: true });
  const parts = fc.record(
    {
      authorization: fc.string({ unit: 'binary' }),
      body: fc.oneof(value, fc.record({ secret: value, api_key: value }, { requiredKeys: [] })),
      query: fc.dictionary(fc.constantFrom('secret', 'api_key', '__proto__'), value),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(parts, (request) => {
      const extraction = extractCredentials(request);
      if (extraction.ok) expect(extraction.credentials.value).not.toBe('');
      else expect(Object.keys(extraction.problem)).toEqual(['name', 'location', 'description']);
    }),
  );
  expect(JSON.stringify(problemOf({ authorization: 'hunter2 hunter2' }))).not.toContain('hunter2');
});
