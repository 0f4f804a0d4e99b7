import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSpool } from '../../src/cli/spool.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Of a process that was there and is no more. */
const deadPid = (): number => spawnSync('true').pid;

test('A worker removes what dead workers of its own host left behind, and nothing of other hosts', async () => {
  await using folder = await temporaryFolder();
  const left = [`vm-${deadPid()}`, `vm-${process.ppid}`];
  const others = ['vm-2-4242', 'vm-', 'vm-2-', `other-${deadPid()}`, 'vm-12a', `myvm-${deadPid()}`];
  for (const name of [...left, ...others]) {
    await mkdir(join(folder.path, name));
    await writeFile(join(folder.path, name, 'source'), 'bytes');
  }
  const own = await openSpool(folder.path, 'vm');
  expect(own).toBe(join(folder.path, `vm-${process.pid}`));
  expect(await readdir(own)).toEqual([]);
  const rest = [...others, `vm-${process.ppid}`, `vm-${process.pid}`];
  expect((await readdir(folder.path)).sort()).toEqual(rest.sort());
});
