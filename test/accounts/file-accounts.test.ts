import { chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AccountsFileError, FileAccounts } from '../../src/accounts/file-accounts.ts';
import { temporaryFolder } from '../support/folder.ts';
import { documentOf, isLetIn } from './support.ts';

const failureOf = (path: string): Promise<unknown> =>
  FileAccounts.open({ path }).then(
    () => undefined,
    (error) => error,
  );

describe('the first start', () => {
  it('writes one account with a random secret, for its owner only, and tells the secret', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'data', 'deeper', 'accounts.json');
    await using files = await FileAccounts.open({ path });
    const secret = files.createdSecret ?? '';
    expect(secret).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ accounts: [{ name: 'default', secret }] });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder.path, 'data', 'deeper'))).toEqual(['accounts.json']);
    expect(isLetIn(files.accounts, secret)).toBe(true);
    expect(isLetIn(files.accounts, 'anything else')).toBe(false);
  });

  it('makes another secret each time', async () => {
    await using folder = await temporaryFolder();
    await using one = await FileAccounts.open({ path: join(folder.path, 'one.json') });
    await using two = await FileAccounts.open({ path: join(folder.path, 'two.json') });
    expect(one.createdSecret).not.toBe(two.createdSecret);
  });

  it('leaves a file that is there as it is', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    const text = documentOf({ name: 'acme', secret: 's' });
    await writeFile(path, text, { mode: 0o640 });
    await using files = await FileAccounts.open({ path });
    expect(files.createdSecret).toBeUndefined();
    expect(await readFile(path, 'utf8')).toBe(text);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(folder.path)).toEqual(['accounts.json']);
  });

  it('agrees with all others that start at the same time on one file and one secret', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'data', 'accounts.json');
    const all = await Promise.all(Array.from({ length: 20 }, () => FileAccounts.open({ path })));
    const secrets = all.flatMap(({ createdSecret }) => createdSecret ?? []);
    expect(secrets).toHaveLength(1);
    for (const { accounts } of all) expect(isLetIn(accounts, secrets[0] ?? '')).toBe(true);
    expect(await readdir(join(folder.path, 'data'))).toEqual(['accounts.json']);
    await Promise.all(all.map((files) => files.close()));
  });
});

describe('a file that cannot be used is an error at the start', () => {
  it('that names every violation and its place', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await writeFile(
      path,
      documentOf({ name: 'a', secret: 'hunter2' }, { name: 'a', secret: 'hunter2', auditor: 5 }, {}),
    );
    const error = await failureOf(path);
    expect(error).toBeInstanceOf(AccountsFileError);
    expect(String(error)).toContain(
      `the accounts file ${path} is refused:\n  accounts[1].auditor must be boolean\n`,
    );
    expect(String(error)).toContain('\n  accounts[2].name is missing');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
  });

  it('when it is not JSON, without a quotation from it', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await writeFile(path, '{"accounts":[\n{"name":"a","secret":hunter2}]}');
    const error = await failureOf(path);
    expect(String(error)).toContain('the file is not JSON: see line 2, column 22');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
  });

  it('when it is empty, not UTF-8, a folder, or too large', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await writeFile(path, '');
    expect(String(await failureOf(path))).toContain('the file is empty');
    await writeFile(path, Buffer.from([0x7b, 0xff, 0x7d]));
    expect(String(await failureOf(path))).toContain('the file is not UTF-8');
    await truncate(path, 16 * 1024 * 1024 + 1);
    expect(String(await failureOf(path))).toContain('the file is larger than 16 MB');
    await rm(path);
    await mkdir(path);
    expect(String(await failureOf(path))).toContain('the file is not a regular file');
  });

  it('when its folder is a file', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'data'), '');
    expect(await failureOf(join(folder.path, 'data', 'accounts.json'))).toBeInstanceOf(AccountsFileError);
  });

  it('when it is a link to nothing, which stays as it is', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await symlink(join(folder.path, 'nowhere'), path);
    expect(String(await failureOf(path))).toContain('the file cannot be read: ENOENT');
    expect(await readdir(folder.path)).toEqual(['accounts.json']);
  });

  it('but a byte order mark is none', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await writeFile(path, `\uFEFF${documentOf({ name: 'acme', secret: 's' })}`);
    await using files = await FileAccounts.open({ path });
    expect(isLetIn(files.accounts, 's')).toBe(true);
  });
});

describe('reload', () => {
  it('takes over what the file says now', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await writeFile(path, documentOf({ name: 'acme', secret: 'old' }));
    await using files = await FileAccounts.open({ path });
    const { accounts } = files;
    await writeFile(path, documentOf({ name: 'acme', secret: 'new' }, { name: 'zeta', secret: 'z' }));
    expect(await files.reload()).toEqual({ ok: true, accounts: 2 });
    expect(isLetIn(accounts, 'old')).toBe(false);
    expect(isLetIn(accounts, 'new')).toBe(true);
  });

  it.each([
    ['broken JSON', '{"accounts":['],
    ['a wrong shape', documentOf({ name: 'acme', secret: 5 })],
    ['a name that is there twice', documentOf({ name: 'a', secret: 's' }, { name: 'a', secret: 't' })],
    ['a secret that is there twice', documentOf({ name: 'a', secret: 's' }, { name: 'b', secret: 's' })],
    ['nothing in it', ''],
  ])('keeps the accounts in force when the file has %s', async (_, text) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await writeFile(path, documentOf({ name: 'acme', secret: 'old' }));
    await using files = await FileAccounts.open({ path });
    await writeFile(path, text);
    expect(await files.reload()).toEqual({
      ok: false,
      message: expect.stringContaining(`${path} is refused:\n  `),
    });
    expect(isLetIn(files.accounts, 'old')).toBe(true);
  });

  it('keeps the accounts in force when the file is gone, and does not write another', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await using files = await FileAccounts.open({ path });
    await rm(path);
    expect(await files.reload()).toMatchObject({ ok: false, message: expect.stringContaining('ENOENT') });
    expect(isLetIn(files.accounts, files.createdSecret ?? '')).toBe(true);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('answers in order when it is asked many times at once', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'accounts.json');
    await using files = await FileAccounts.open({ path });
    const reloads = await Promise.all(Array.from({ length: 10 }, () => files.reload()));
    expect(reloads).toEqual(reloads.map(() => ({ ok: true, accounts: 1 })));
  });
});

it.skipIf(process.getuid?.() === 0)('a folder that may not be written is an error that says so', async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o500);
  expect(String(await failureOf(join(folder.path, 'accounts.json')))).toMatch(
    /cannot be written: E(ACCES|PERM)/,
  );
});
