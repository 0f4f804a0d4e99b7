import { createHash } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service, writeAccounts } from '../support/service.ts';
import { until } from '../support/until.ts';
import { createOne, errorsOf, hello, jsonOf, problem, type Status, UNKNOWN_KEY } from './support.ts';

const ACME = {
  name: 'acme',
  secret: 'acme-secret',
  api_keys: [{ key: 'acme-api-key', referrers: ['example.com', '*.example.org', 'localhost:3000'] }],
};
const GLOBEX = {
  name: 'globex',
  secret_sha256: createHash('sha256').update('globex-secret').digest('hex'),
  api_keys: [{ key: 'globex-api-key', referrers: ['globex.test'] }],
};

const UMBRELLA = { name: 'umbrella', secret: 'größer-秘密-secret' };

let service: Service;
beforeAll(async () => {
  service = await Service.startFor([ACME, GLOBEX, UMBRELLA]);
});
afterAll(() => service[Symbol.asyncDispose]());

type Headers = Record<string, string>;
const post = (body: object, headers: Headers = {}, path = '/v1/create') =>
  fetch(service.url + path, { method: 'POST', body: JSON.stringify(body), headers });
const getFile = (query: Record<string, string>, headers: Headers = {}) => {
  const parameters = new URLSearchParams({ task_name: 'hello', name: 'John', ...query });
  return fetch(`${service.url}/v1/create_file?${parameters}`, { headers });
};
const history = (key: string, headers: Headers, query = '') =>
  fetch(`${service.url}/v1/history?task=${key}${query}`, { headers });
const tasks = hello();
const MADE_NO_FILE = 404;
/** As the characters that `fetch` sends a byte each. */
const bytesOf = (text: string) => Buffer.from(text).toString('latin1');
const SECRET = { Authorization: 'Secret acme-secret' };
const API_KEY = { Authorization: 'Api-Key acme-api-key' };
const FROM = { Referer: 'https://example.com/page?x=1' };

describe('A secret is taken', () => {
  test.each([
    ['the Authorization header', () => post({ tasks }, SECRET)],
    ['the header with any whitespace', () => post({ tasks }, { Authorization: 'Secret \t acme-secret' })],
    ['the header in any case of the scheme', () => post({ tasks }, { Authorization: 'sEcReT acme-secret' })],
    ['the header in UTF-8', () => post({ tasks }, { Authorization: bytesOf(`Secret ${UMBRELLA.secret}`) })],
    ['the body', () => post({ tasks, secret: 'acme-secret' })],
    ['the account that stores a digest only', () => post({ tasks, secret: 'globex-secret' })],
  ])('from %s', async (_, send) => {
    expect(await jsonOf(await send())).toHaveLength(1);
  });

  test('from the query on GET', async () => {
    expect((await getFile({ secret: 'acme-secret' })).status).toBe(MADE_NO_FILE);
  });
});

describe('An API key is taken', () => {
  test.each([
    ['the Authorization header', () => post({ tasks }, { ...API_KEY, ...FROM })],
    ['the body', () => post({ tasks, api_key: 'acme-api-key' }, FROM)],
  ])('from %s', async (_, send) => {
    expect(await jsonOf(await send())).toHaveLength(1);
  });

  test('from the query on GET', async () => {
    expect((await getFile({ api_key: 'acme-api-key' }, FROM)).status).toBe(MADE_NO_FILE);
  });

  test.each([
    ['Referer', 'https://example.com/'],
    ['Referer', 'http://EXAMPLE.com:8080/a/b'],
    ['Referrer', 'https://example.com/'],
    ['Origin', 'https://example.com'],
    ['Origin', 'https://a.b.example.org'],
    ['Origin', 'http://localhost:3000'],
  ])('with the header %s: %s', async (name, value) => {
    expect(await jsonOf(await post({ tasks }, { ...API_KEY, [name]: value }))).toHaveLength(1);
  });

  test.each([
    ['Referer', 'http://evil.com/example.com'],
    ['Referer', 'http://example.com.evil.com/'],
    ['Referer', 'http://example.com@evil.com/'],
    ['Referer', 'http://evil.com/?u=http://example.com/'],
    ['Referer', 'http://evil.com#example.com'],
    ['Referer', 'https://notexample.com/'],
    ['Referer', 'https://sub.example.com/'],
    ['Referer', 'https://example.org/'],
    ['Referer', 'http://localhost:3001/'],
    ['Referer', 'http://localhost/'],
    ['Referer', 'example.com'],
    ['Referer', 'javascript:example.com'],
    ['Referer', 'https://globex.test/'],
    ['Referrer', 'https://evil.com/'],
    ['Origin', 'https://evil.com'],
    ['Origin', 'null'],
  ])('not with the header %s: %s', async (name, value) => {
    const response = await post({ tasks }, { ...API_KEY, [name]: value });
    expect(await errorsOf(response, 401)).toEqual([
      problem('Referer', "Referer must name a host of this api_key's referrers", 'header'),
    ]);
  });

  test('not without a referrer', async () => {
    expect(await errorsOf(await post({ tasks, api_key: 'acme-api-key' }), 401)).toEqual([
      problem(
        'Referer',
        'Referer is missing, and this api_key may be used from its referrers only',
        'header',
      ),
    ]);
  });

  test('not where the first of the referrer headers names another host', async () => {
    const headers = { ...API_KEY, Referer: 'https://evil.com/', Origin: 'https://example.com' };
    expect((await post({ tasks }, headers)).status).toBe(401);
  });
});

describe('A 401 answers', () => {
  const missing =
    "secret is missing: send 'Authorization: Secret <secret>' or 'Authorization: Api-Key <api key>', " +
    'or secret or api_key in the body, or on a GET in the query';
  const scheme = "Authorization must be 'Secret <secret>' or 'Api-Key <api key>'";

  test.each(['/v1/create', '/v1/create_stream', '/v1/create_file', '/v1/create_file/cat.jpg'])(
    'POST %s without credentials',
    async (path) => {
      const response = await post({ tasks, task: tasks }, {}, path);
      expect(await errorsOf(response, 401)).toEqual([problem('secret', missing)]);
    },
  );

  test('GET create_file and history without credentials', async () => {
    const expected = [problem('secret', missing, 'query')];
    expect(await errorsOf(await getFile({}), 401)).toEqual(expected);
    expect(await errorsOf(await history(UNKNOWN_KEY, {}), 401)).toEqual(expected);
  });

  test.each<[string, object, Headers, ReturnType<typeof problem>]>([
    ['a wrong secret', { secret: 'wrong' }, {}, problem('secret', 'secret is not valid')],
    ['an empty secret', { secret: '' }, {}, problem('secret', 'secret is empty')],
    ['a secret that is no text', { secret: 7 }, {}, problem('secret', 'secret must be a string')],
    ['a secret that is null, as one that is not there', { secret: null }, {}, problem('secret', missing)],
    ['a wrong API key', { api_key: 'wrong' }, FROM, problem('api_key', 'api_key is not valid')],
    ['an API key for a secret', { secret: 'acme-api-key' }, FROM, problem('secret', 'secret is not valid')],
    ['a secret for an API key', { api_key: 'acme-secret' }, FROM, problem('api_key', 'api_key is not valid')],
    [
      'the digest for the secret',
      { secret: GLOBEX.secret_sha256 },
      {},
      problem('secret', 'secret is not valid'),
    ],
    [
      'a wrong secret in the header',
      {},
      { Authorization: 'Secret wrong' },
      problem('Authorization', 'secret is not valid', 'header'),
    ],
    ['a bare secret', {}, { Authorization: 'acme-secret' }, problem('Authorization', scheme, 'header')],
    [
      'another scheme',
      {},
      { Authorization: 'Bearer acme-secret' },
      problem('Authorization', scheme, 'header'),
    ],
    [
      'no secret after the scheme',
      {},
      { Authorization: 'Secret' },
      problem('Authorization', 'secret is empty', 'header'),
    ],
  ])('%s, and never repeats what was sent', async (_, credentials, headers, expected) => {
    const response = await post({ tasks, ...credentials }, headers);
    expect(await response.clone().text()).not.toContain('acme-secret');
    expect(await errorsOf(response, 401)).toEqual([expected]);
  });

  test('before it says anything about the rest of the request', async () => {
    expect(await errorsOf(await post({ block: 'x' }), 401)).toHaveLength(1);
  });
});

describe('Of credentials in several places', () => {
  test('the header wins over the body', async () => {
    expect((await post({ tasks, secret: 'wrong' }, SECRET)).status).toBe(200);
    expect((await post({ tasks, secret: 'acme-secret' }, { Authorization: 'Secret wrong' })).status).toBe(
      401,
    );
  });

  test('the header wins over the query', async () => {
    expect((await getFile({ secret: 'wrong' }, SECRET)).status).toBe(MADE_NO_FILE);
    expect((await getFile({ secret: 'acme-secret' }, { Authorization: 'Secret wrong' })).status).toBe(401);
  });

  test('the query of a POST is not looked at', async () => {
    expect((await post({ tasks }, {}, '/v1/create?secret=acme-secret')).status).toBe(401);
    expect((await post({ tasks, secret: 'acme-secret' }, {}, '/v1/create?secret=wrong')).status).toBe(200);
  });

  test('the secret wins over the API key beside it', async () => {
    expect((await post({ tasks, secret: 'acme-secret', api_key: 'wrong' })).status).toBe(200);
    expect((await post({ tasks, secret: 'wrong', api_key: 'acme-api-key' }, FROM)).status).toBe(401);
  });
});

describe('A history', () => {
  let task: Status;
  beforeAll(async () => {
    const [created] = await jsonOf<[Status]>(await post({ tasks, block: true }, SECRET));
    task = created;
  });

  test('is read with a secret, from the header or the query', async () => {
    expect(await jsonOf(await history(task.key, SECRET))).toHaveLength(3);
    expect(await jsonOf(await history(task.key, {}, '&secret=acme-secret'))).toHaveLength(3);
  });

  test('is not read with an API key', async () => {
    expect(await errorsOf(await history(task.key, { ...API_KEY, ...FROM }), 401)).toEqual([
      problem('secret', 'secret is missing, an api_key does not suffice here', 'header'),
    ]);
  });

  test("of another account's task is as unknown as one that never was", async () => {
    const stranger = { Authorization: 'Secret globex-secret' };
    expect(await errorsOf(await history(task.key, stranger), 404)).toEqual([
      problem('task', `no task has the key '${task.key}'`, 'query'),
    ]);
    expect(await errorsOf(await history(UNKNOWN_KEY, stranger), 404)).toEqual([
      problem('task', `no task has the key '${UNKNOWN_KEY}'`, 'query'),
    ]);
  });
});

// Last in the file: the accounts are others afterwards.
describe('The accounts file is read again', () => {
  const isLetIn = async (secret: string) =>
    (await post({ tasks }, { Authorization: `Secret ${secret}` })).status === 200;

  test('when it changes, without a restart', async () => {
    const replacement = join(service.dataDir, 'new.json');
    await writeAccounts(replacement, { name: 'acme', secret: 'changed-secret' });
    await rename(replacement, service.accountsFile);
    await until(() => isLetIn('changed-secret'));
    expect((await post({ tasks }, SECRET)).status).toBe(401);
    expect((await post({ tasks, secret: 'globex-secret' })).status).toBe(401);
  });

  test('and a broken one is refused with a clear message, while the accounts in force stay', async () => {
    await writeFile(service.accountsFile, '{"accounts":[{"name":"acme","secret":"oops-secret"');
    await until(() => /the accounts file was refused/.test(service.output()));
    expect(service.output()).not.toContain('oops-secret');
    expect(await isLetIn('changed-secret')).toBe(true);
    await writeAccounts(service.accountsFile, { name: 'acme', secret: 'mended-secret' });
    await until(() => isLetIn('mended-secret'));
  });

  test('and its tasks stay readable for the account of the same name', async () => {
    await writeAccounts(service.accountsFile, { name: 'acme', secret: service.secret });
    await until(() => isLetIn(service.secret));
    const { key } = await createOne(service, hello(), true);
    expect(await jsonOf(await service.fetch(`/v1/history?task=${key}`))).toHaveLength(3);
  });
});
