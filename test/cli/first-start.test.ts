import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

let parent: string;
let dataDir: string;
let first: Service;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'wyvern-first-'));
  // A blank and a quote in the path, and a folder that is not there yet.
  dataDir = join(parent, "today's data");
  first = await Service.start({}, dataDir);
});
afterAll(async () => {
  await first.stop();
  await rm(parent, { recursive: true, force: true });
});

/** Pastes the line that the service printed into a shell somewhere else; resolves with the statuses that it answers. */
async function pasteCurl(service: Service): Promise<readonly Thumbnailed[]> {
  const [, line] = /^ {2}(curl .*)$/m.exec(service.output()) as unknown as [string, string];
  const { stdout } = await promisify(execFile)('sh', ['-c', line], { cwd: parent });
  return JSON.parse(stdout);
}

interface Thumbnailed {
  readonly status: string;
  readonly result: { readonly output: string; readonly width: number };
}

async function expectThumbnail(service: Service): Promise<void> {
  const [thumbnailed] = await pasteCurl(service);
  expect(thumbnailed).toMatchObject({ status: 'success', result: { width: 300 } });
  const file = await fetch(thumbnailed?.result.output as string);
  expect(file.headers.get('Content-Type')).toBe('image/jpeg');
  expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(1_000);
}

const tasksWith = (secret: string) =>
  first.post(
    '/v1/create',
    { tasks: { task_name: 'hello', name: 'you' } },
    {
      headers: { Authorization: `Secret ${secret}` },
    },
  );

test('the first start writes an account that only its owner may read, and shows the secret', async () => {
  const path = join(dataDir, 'accounts.json');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(first.output()).toContain(`its secret, shown this once: ${first.secret}\n`);
});

test('the curl line of the first start makes a thumbnail when it is pasted', () => expectThumbnail(first));

test('SIGHUP has the accounts read again; a broken file is refused with a word and changes nothing', async () => {
  const path = join(dataDir, 'accounts.json');
  const before = await readFile(path, 'utf8');
  const { accounts } = JSON.parse(before);
  const secret = 'a-second-secret-that-is-long-enough';
  const count = (word: RegExp) => first.output().match(word)?.length ?? 0;
  const reads = /read the accounts file again/g;

  // Nothing has changed, so it is the signal that has it read.
  process.kill(first.pid, 'SIGHUP');
  await until(() => count(reads) === 1);

  await writeFile(path, JSON.stringify({ accounts: [...accounts, { name: 'second', secret }] }));
  process.kill(first.pid, 'SIGHUP');
  await until(async () => (await tasksWith(secret)).ok);
  expect((await tasksWith(first.secret)).status).toBe(200);

  await writeFile(path, '{"accounts": [');
  process.kill(first.pid, 'SIGHUP');
  await until(() => count(/the accounts in force stay/g) > 0);
  expect((await tasksWith(secret)).status).toBe(200);
  expect((await tasksWith(first.secret)).status).toBe(200);

  await writeFile(path, before);
  process.kill(first.pid, 'SIGHUP');
  await until(async () => (await tasksWith(secret)).status === 401);
  expect((await tasksWith(first.secret)).status).toBe(200);
});

test('a later start does not show the secret, and its curl line works too', async () => {
  await first.stop();
  await using second = await Service.start({}, dataDir);
  expect(second.secret).toBe(first.secret);
  expect(second.output()).not.toContain(first.secret);
  expect(second.output()).not.toContain('shown this once');
  await expectThumbnail(second);
});
