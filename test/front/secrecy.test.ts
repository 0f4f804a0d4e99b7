import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processTable, Service, writeAccounts } from '../support/service.ts';
import { createOne, exchangeRaw, hello, historyOf, rawHead, thumb } from './support.ts';

const SECRET = 'sesame-4f1c9e-secret';
const API_KEY = 'sesame-77ab02-api-key';
const WRONG = 'sesame-mistyped';
const ANY = /sesame-/;

let service: Service;
let folder: string;
const answers: string[] = [];

/** Sends credentials in every way, right and wrong, with requests that fail in every way. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wyvern-secrecy-'));
  const ACCOUNTS_FILE = join(folder, 'accounts.json');
  const api_keys = [{ key: API_KEY, referrers: ['example.com'] }];
  await writeAccounts(ACCOUNTS_FILE, { name: 'acme', secret: SECRET, api_keys });
  service = await Service.start({ ACCOUNTS_FILE, LOG_LEVEL: 'trace' });
  const keep = async (response: Response) => {
    answers.push(JSON.stringify([...response.headers]), await response.text());
  };
  const post = async (body: unknown, headers: Record<string, string> = {}, path = '/v1/create') =>
    keep(
      await fetch(service.url + path, {
        method: 'POST',
        headers: { Referer: 'https://example.com/', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    );
  for (const credentials of [
    { secret: SECRET },
    { api_key: API_KEY },
    { secret: WRONG },
    { api_key: WRONG },
  ]) {
    const [[name, value]] = Object.entries(credentials) as [[string, string]];
    const header = { Authorization: `${name === 'secret' ? 'Secret' : 'Api-Key'} ${value}` };
    for (const tasks of [hello(), { task_name: 'hello' }, { task_name: 'nothing' }, thumb(service), []]) {
      await post({ tasks, block: true, ...credentials });
      await post({ tasks, block: true }, header);
    }
    await post({ tasks: hello(), ...credentials }, header, '/v1/create_stream');
    await post({ task: thumb(service), ...credentials }, {}, '/v1/create_file/x.jpg');
    await post(`{"${name}":"${value}" "tasks":1}`);
    await post(`{"${name}":${value}}`);
    await post(value);
    // A credential that stands in the wrong place, one level too deep.
    await post({ ...credentials, tasks: { ...hello('misplaced'), ...credentials }, block: true }, header);
    // Somebody chains a create_file, credential and all.
    const url = `http://127.0.0.1:9/v1/create_file?task_name=hello&${name}=${value}`;
    await post({ tasks: { task_name: 'image.info', url }, block: true, ...credentials });
    await post({ tasks: [{ task_name: 'image.gif', images: [url] }], block: true }, header);
    const coded = url.replace(value, `%${value.charCodeAt(0).toString(16)}${value.slice(1)}`);
    await post({ tasks: { task_name: 'image.info', url: coded }, block: true, ...credentials });
    await post({ tasks: { ...hello(), [url]: 1 }, block: true, ...credentials });
    await post({ tasks: { ...hello(), task_metas: { hook: url } }, block: true, ...credentials });
    const query = new URLSearchParams({ task_name: 'hello', name: 'x', ...credentials });
    const headers = { Referer: 'https://example.com/' };
    await keep(await fetch(`${service.url}/v1/create_file?${query}`, { headers }));
    await keep(await fetch(`${service.url}/v1/history?task=x&${query}`, { headers }));
    // Said back, it would stand in the error.
    await post({ tasks: { task_name: value }, ...credentials });
    await post({ tasks: { task_name: `${'x'.repeat(85)}${value}` } }, header);
    await post({ tasks: { ...hello(), [`task_${value}`]: 1 } }, header);
    await post({ task: thumb(service), ...credentials }, {}, `/v1/create_file/${value}`);
    await keep(await fetch(`${service.url}/v1/${value}`, { headers: header }));
    await keep(await fetch(`${service.url}/v1/history_stream?types=${value}`, { headers: header }));
  }
  await post({ tasks: hello() }, { Authorization: SECRET });
  await post({ tasks: hello() }, { Authorization: `Bearer ${SECRET}` });
  const aborted = rawHead(service, 'POST /v1/create', ['Content-Length: 5']).replace(
    /Secret .*/,
    `Secret ${SECRET}`,
  );
  answers.push((await exchangeRaw(service, aborted, '{"a":')).body);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const filesBelow = async (root: string): Promise<string[]> =>
  (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('Neither a secret nor an API key, right or wrong, reaches', () => {
  test('an answer, its errors included', () => {
    expect(answers.length).toBeGreaterThan(100);
    for (const answer of answers) expect(answer).not.toMatch(ANY);
  });

  test("the service's output, at its most talkative", () => {
    expect(service.output()).toContain('"level":"');
    expect(service.output()).not.toMatch(ANY);
  });

  test('an event: a definition is kept without credentials, and says that they do not belong there', async () => {
    const status = await createOne(service, { ...hello(), secret: SECRET, api_key: API_KEY }, true);
    expect(status.result).toEqual({
      parameters: { secret: ['unknown parameter'], api_key: ['unknown parameter'] },
    });
    const [queued] = await historyOf(service, status.key);
    expect(queued?.data).toMatchObject({ task: hello() });
    expect(JSON.stringify(queued)).not.toMatch(ANY);
    expect(await (await service.fetch(`/v1/status?tasks=${status.key}&details=1`)).text()).not.toMatch(ANY);
  });

  test('an event, as the password in a URL that a client should not have sent', async () => {
    const status = await createOne(
      service,
      thumb(service, { url: `http://acme:${SECRET}@127.0.0.1/x.jpg` }),
      true,
    );
    expect(status.result).toBe("File 'http://***@127.0.0.1/x.jpg' names user information");
    const strayUrl = { ...hello(), url: [`//acme:${SECRET}@127.0.0.1/x.jpg`] };
    const stray = await createOne(service, strayUrl, true);
    for (const { key } of [status, stray]) {
      expect(JSON.stringify(await historyOf(service, key))).not.toMatch(ANY);
      expect(await (await service.fetch(`/v1/status?tasks=${key}&details=1`)).text()).not.toMatch(ANY);
    }
  });

  test('the disk, where all events lie', async () => {
    const files = await filesBelow(service.dataDir);
    const contents = await Promise.all(files.map((file) => readFile(file, 'latin1').catch(() => '')));
    expect(contents.join('')).toContain('"misplaced"');
    for (const [index, content] of contents.entries())
      expect(content, files[index] as string).not.toMatch(ANY);
  });

  test('the command line of a process', () => {
    const commands = processTable().map(({ command }) => command);
    expect(commands.join('\n')).toContain(service.dataDir);
    for (const command of commands) expect(command).not.toMatch(ANY);
  });
});

test('The first start shows a new secret once, in its start-up lines only', async () => {
  await using fresh = await Service.start();
  await fresh.post('/v1/create', { tasks: hello(), block: true });
  const shown = fresh
    .output()
    .split('\n')
    .filter((line) => line.includes(fresh.secret));
  expect(shown).toHaveLength(2);
  expect(shown[0]).toMatch(/shown this once/);
  expect(shown[1]).toMatch(/^ {2}curl /);
});
