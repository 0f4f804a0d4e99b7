import fs from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { FileAccounts, type Reload } from '../../src/accounts/file-accounts.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { documentOf, isLetIn } from './support.ts';

const { createReadStream } = fs;
function openFilesWith(open: typeof createReadStream): void {
  fs.createReadStream = open;
  syncBuiltinESMExports();
}
afterEach(() => openFilesWith(createReadStream));

it('a change of the file that cannot be read for a while is taken over when it can be', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'accounts.json');
  await writeFile(path, documentOf({ name: 'acme', secret: 'old' }));
  const reloads: Reload[] = [];
  await using files = await FileAccounts.open({ path, reloaded: (reload) => reloads.push(reload) });
  let refused = 0;
  openFilesWith(() => {
    refused += 1;
    const error = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    return new Readable().destroy(error) as fs.ReadStream;
  });
  await writeFile(path, documentOf({ name: 'acme', secret: 'new' }));
  // The folder and the file itself have both told of the change.
  await until(() => refused >= 2);
  expect(reloads[0]).toMatchObject({ ok: false, message: expect.stringContaining('EMFILE') });
  expect(isLetIn(files.accounts, 'old')).toBe(true);
  openFilesWith(createReadStream);
  await until(() => isLetIn(files.accounts, 'new'));
  expect(isLetIn(files.accounts, 'old')).toBe(false);
  expect(reloads).toHaveLength(2);
});
