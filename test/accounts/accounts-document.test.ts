import { describe, expect, it } from 'vitest';
import { documentOf, recordsOf, sha256, violationsOf } from './support.ts';

const good = { name: 'acme', secret: 'correct-horse' };
const key = { key: 'battery-staple', referrers: ['example.com'] };

describe('an accounts document', () => {
  it('is read into accounts with digests', () => {
    expect(
      recordsOf({
        ...good,
        api_keys: [key, { key_sha256: 'AB'.repeat(32), referrers: ['*.example.com:8080'] }],
        limits: { active_tasks: 0 },
        auditor: true,
      }),
    ).toEqual([
      {
        account: { name: 'acme', limits: { active_tasks: 0 }, auditor: true },
        secret: sha256('correct-horse'),
        apiKeys: [
          {
            key: sha256('battery-staple'),
            referrers: [{ host: 'example.com', subdomains: false, port: undefined }],
          },
          { key: 'ab'.repeat(32), referrers: [{ host: 'example.com', subdomains: true, port: 8080 }] },
        ],
      },
    ]);
  });

  it('may have an account with API keys only', () =>
    expect(recordsOf({ name: 'shop', api_keys: [key] })).toMatchObject([{ secret: undefined }]));

  it.each([
    ['', 'the file is empty'],
    [' \n', 'the file is empty'],
    ['{"accounts":[],}', 'the file is not JSON: see line 1, column 16'],
    ['5', 'the file must be object'],
    ['null', 'the file must be object'],
    ['{}', 'accounts is missing'],
    ['{"accounts":{}}', 'accounts must be array'],
    ['{"accounts":[]}', 'accounts must not have fewer than 1 items'],
    [JSON.stringify({ accounts: [good], version: 1 }), 'the file has a property other than accounts'],
  ])('%j is refused', (text, violation) => expect(violationsOf(text)).toEqual([violation]));

  it.each([
    ['nonsense', ' must be object'],
    [{ secret: 's' }, '.name is missing'],
    [{ ...good, name: '' }, '.name must match ^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'],
    [{ ...good, name: 'a\nb' }, '.name must match ^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'],
    [{ ...good, name: 'a'.repeat(65) }, '.name must match ^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'],
    [{ ...good, name: '__proto__' }, '.name must match ^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'],
    [{ name: 'a' }, ' must have either secret or secret_sha256'],
    [{ name: 'a', api_keys: [] }, ' must have either secret or secret_sha256'],
    [{ ...good, secret_sha256: sha256('x') }, ' must have either secret or secret_sha256'],
    [{ name: 'a', secret: 5 }, '.secret must be string'],
    [{ name: 'a', secret_sha256: 'abc' }, '.secret_sha256 must match ^[0-9a-fA-F]{64}$'],
    [{ ...good, auditor: 'yes' }, '.auditor must be boolean'],
    [{ ...good, api_keys: {} }, '.api_keys must be array'],
    [{ ...good, api_keys: [{ referrers: ['a'] }] }, '.api_keys[0] must have either key or key_sha256'],
    [{ ...good, api_keys: [{ key: 'k' }] }, '.api_keys[0].referrers is missing'],
    [
      { ...good, api_keys: [{ key: 'k', referrers: [] }] },
      '.api_keys[0].referrers must not have fewer than 1 items',
    ],
    [
      { ...good, api_keys: [{ key: 'k', referrers: ['a.example', 'http://b.example/'] }] },
      '.api_keys[0].referrers[1] must be a host, *.host or host:port',
    ],
    [
      { ...good, api_keys: [{ ...key, x: 1 }] },
      '.api_keys[0] has a property other than key, key_sha256, referrers',
    ],
    [{ ...good, limits: { active_tasks: -1 } }, '.limits.active_tasks must be >= 0'],
    [{ ...good, limits: { tasks_per_minute: 1.5 } }, '.limits.tasks_per_minute must be integer'],
    [{ ...good, limits: { active: 1 } }, '.limits has a property other than active_tasks, tasks_per_minute'],
    [
      { ...good, sercet: 'x' },
      ' has a property other than name, secret, secret_sha256, api_keys, limits, auditor',
    ],
  ])('with the account %j is refused', (account, violation) =>
    expect(violationsOf(documentOf({ name: 'first', secret: 'first' }, account))).toEqual([
      `accounts[1]${violation}`,
    ]),
  );

  it.each(['', ' ', ' x', 'x\t', 'a\u0000b', 'a\nb', 'x'.repeat(1_025)])(
    'with the secret %j, which no header can carry, is refused',
    (secret) =>
      expect(violationsOf(documentOf({ name: 'a', secret }))).toEqual([
        expect.stringContaining('accounts[0].secret must be'),
      ]),
  );

  it('is refused for names and credentials that are there twice', () =>
    expect(
      violationsOf(
        documentOf(
          { ...good, api_keys: [key] },
          { ...good, api_keys: [{ ...key, key: 'correct-horse' }] },
          { name: 'zeta', secret_sha256: sha256('correct-horse').toUpperCase(), api_keys: [key] },
        ),
      ),
    ).toEqual([
      'accounts[1].name is the same as accounts[0].name',
      'accounts[1].secret is the same as accounts[0].secret',
      'accounts[1].api_keys[0].key is the same as accounts[0].secret',
      'accounts[2].secret_sha256 is the same as accounts[0].secret',
      'accounts[2].api_keys[0].key is the same as accounts[0].api_keys[0].key',
    ]));

  it('is refused with every violation of every account', () =>
    expect(
      violationsOf(documentOf(5, { name: '-', limits: { active_tasks: 'x' } }, { ...good, auditor: 1 })),
    ).toEqual([
      'accounts[0] must be object',
      expect.stringContaining('accounts[1].name must match'),
      'accounts[1].limits.active_tasks must be integer',
      'accounts[2].auditor must be boolean',
    ]));

  it('with very many violations is refused with some of them and the number of the others', () => {
    const violations = violationsOf(documentOf(...Array.from({ length: 1_000 }, () => 5)));
    expect(violations).toHaveLength(51);
    expect(violations.at(-1)).toBe('and 950 more');
  });
});

describe('a violation', () => {
  const credential = 'hunter2-hunter2';
  it.each([
    `{"accounts":[{"name":"a","secret":${credential}}]}`,
    `{"accounts":[{"name":"a","secret":"${credential}}]}`,
    `{"accounts":[{"name":"a","secret":"${credential}\\x"}]}`,
    `{"accounts":[{"name":"a",secret:'${credential}'}]}`,
    documentOf({ name: credential }),
    documentOf({ name: `${credential}!`, secret: 's' }),
    documentOf({ name: 'a', secret: ` ${credential}` }),
    documentOf({ name: 'a', secret: [credential] }),
    documentOf({ name: 'a', secret_sha256: credential }),
    documentOf({ name: 'a', secret: credential, api_keys: [{ key: credential, referrers: ['a.example'] }] }),
    documentOf({ name: 'a', secret: credential, api_keys: [{ key: 'k', referrers: [`${credential}/`] }] }),
    documentOf({ name: 'a', secret: 's', [credential]: 1 }),
    documentOf({ name: 'a', secret: 's', limits: { [credential]: 1 } }),
    JSON.stringify({ accounts: { [credential]: {} } }),
    JSON.stringify({ [credential]: {} }),
    documentOf(credential),
  ])('never repeats what stands in the file: %s', (text) => {
    const violations = violationsOf(text);
    expect(violations).not.toEqual([]);
    expect(violations.join('\n')).not.toContain('hunter2');
    expect(violations.join('\n')).not.toContain(sha256(credential));
  });
});
