import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { FileAccounts, type Reload } from '../../src/accounts/file-accounts.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { documentOf, isLetIn } from './support.ts';

/** Whether the system has no file left, and how often it was asked for one in vain. */
const system = vi.hoisted(() => ({ isExhausted: false, refused: 0 }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const createReadStream = (...all: Parameters<typeof fs.createReadStream>) => {
    if (!system.isExhausted) return fs.createReadStream(...all);
    system.refused += 1;
    return new Readable().destroy(Object.assign(new Error('too many open files'), { code: 'EMFILE' }));
  };
  return { ...fs, createReadStream };
});

it('a change of the file that cannot be read for a while is taken over when it can be', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'accounts.json');
  await writeFile(path, documentOf({ name: 'acme', secret: 'old' }));
  const reloads: Reload[] = [];
  await using files = await FileAccounts.open({ path, reloaded: (reload) => reloads.push(reload) });
  system.isExhausted = true;
  await writeFile(path, documentOf({ name: 'acme', secret: 'new' }));
  // The folder and the file itself have both told of the change.
  await until(() => system.refused >= 2);
  expect(reloads[0]).toMatchObject({ ok: false, message: expect.stringContaining('EMFILE') });
  expect(isLetIn(files.accounts, 'old')).toBe(true);
  system.isExhausted = false;
  await until(() => isLetIn(files.accounts, 'new'));
  expect(isLetIn(files.accounts, 'old')).toBe(false);
  expect(reloads).toHaveLength(2);
});
