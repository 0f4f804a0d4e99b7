import { mkdir, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileAccounts, type Reload } from '../../src/accounts/file-accounts.ts';
import { FileWatch } from '../../src/accounts/file-watch.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { documentOf, isLetIn } from './support.ts';

/** In one step, so that no reader meets half of it. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.swp`, text);
  await rename(`${path}.swp`, path);
}

describe('a change of the file', () => {
  async function watched(folder: string, text = documentOf({ name: 'acme', secret: 'old' })) {
    const path = join(folder, 'accounts.json');
    await writeFile(path, text);
    const reloads: Reload[] = [];
    const files = await FileAccounts.open({ path, reloaded: (reload) => reloads.push(reload) });
    return { path, files, reloads };
  }

  it('is taken over when it is written in place', async () => {
    await using folder = await temporaryFolder();
    const { path, files, reloads } = await watched(folder.path);
    await writeFile(path, documentOf({ name: 'acme', secret: 'new' }));
    await until(() => isLetIn(files.accounts, 'new'));
    expect(isLetIn(files.accounts, 'old')).toBe(false);
    expect(reloads.at(-1)).toEqual({ ok: true, accounts: 1 });
    await files.close();
  });

  it('is taken over when an editor replaces the file, time after time', async () => {
    await using folder = await temporaryFolder();
    const { path, files } = await watched(folder.path);
    for (const secret of ['first', 'second', 'third']) {
      await replaceFile(path, documentOf({ name: 'acme', secret }));
      await until(() => isLetIn(files.accounts, secret));
    }
    await files.close();
  });

  it('is taken over when it leaves the length and the date as they were', async () => {
    await using folder = await temporaryFolder();
    const { path, files } = await watched(folder.path);
    const { atime, mtime } = await stat(path);
    await writeFile(path, documentOf({ name: 'acme', secret: 'new' }));
    await utimes(path, atime, mtime);
    await until(() => isLetIn(files.accounts, 'new'));
    await files.close();
  });

  it('is taken over behind a link, where the folder tells nothing', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'real'));
    await writeFile(join(folder.path, 'real', 'target.json'), documentOf({ name: 'acme', secret: 'old' }));
    const path = join(folder.path, 'accounts.json');
    await symlink(join('real', 'target.json'), path);
    await using files = await FileAccounts.open({ path });
    await writeFile(join(folder.path, 'real', 'target.json'), documentOf({ name: 'acme', secret: 'new' }));
    await until(() => isLetIn(files.accounts, 'new'));
  });

  it('is taken over when the whole folder is replaced', async () => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, 'data');
    await mkdir(data);
    const { path, files } = await watched(data);
    await rename(data, `${data}.old`);
    await mkdir(data);
    await writeFile(path, documentOf({ name: 'acme', secret: 'new' }));
    await until(() => isLetIn(files.accounts, 'new'));
    await files.close();
  });

  it('that breaks it is reported once, changes nothing, and can be mended', async () => {
    await using folder = await temporaryFolder();
    const { path, files, reloads } = await watched(folder.path);
    await replaceFile(path, '{"accounts":[{"name":"acme","secret":hunter2}]}');
    await until(() => reloads.length > 0);
    expect(reloads[0]).toEqual({
      ok: false,
      message: expect.stringContaining('not JSON: see line 1, column 38'),
    });
    expect(JSON.stringify(reloads)).not.toContain('hunter2');
    expect(isLetIn(files.accounts, 'old')).toBe(true);
    let touches = 0;
    const witness = await FileWatch.start(path, () => {
      touches += 1;
    });
    await utimes(path, new Date(), new Date());
    await until(() => touches > 0);
    witness.close();
    await replaceFile(path, documentOf({ name: 'acme', secret: 'old' }, { name: 'zeta', secret: 'z' }));
    await until(() => isLetIn(files.accounts, 'z'));
    expect(reloads).toHaveLength(2);
    await files.close();
  });

  it('is of no interest after closing', async () => {
    await using folder = await temporaryFolder();
    const { path, files, reloads } = await watched(folder.path);
    await using other = await FileAccounts.open({ path });
    await files.close();
    await writeFile(path, documentOf({ name: 'acme', secret: 'new' }));
    await until(() => isLetIn(other.accounts, 'new'));
    expect(reloads).toEqual([]);
    expect(isLetIn(files.accounts, 'old')).toBe(true);
    expect(await files.reload()).toMatchObject({ ok: false });
    expect(isLetIn(files.accounts, 'new')).toBe(false);
  });
});
