import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { lockFolder } from '../../src/cli/lock.ts';

const SCRIPT = fileURLToPath(new URL('./take-lock.mjs', import.meta.url));

const children: ChildProcess[] = [];
afterEach(() => Promise.all(children.splice(0).map(kill)));

/** A process that is ready to take the folder's lock. */
async function starter(folder: string): Promise<ChildProcess> {
  const child = fork(SCRIPT, [folder]);
  children.push(child);
  await once(child, 'message');
  return child;
}

/** What came of it. */
async function take(child: ChildProcess): Promise<unknown> {
  const said = once(child, 'message');
  child.send('take');
  return (await said)[0];
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.kill('SIGKILL')) await once(child, 'exit');
}

test('of several that start at once where one was killed, exactly one gets the folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wyvern-lock-'));
  for (let round = 0; round < 3; round += 1) {
    const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => starter(folder)));
    expect(await take(first as ChildProcess)).toBe('taken');
    expect(await take(others[0] as ChildProcess)).toMatch(/^Wyvern is already running on the data folder/);
    await kill(first as ChildProcess);
    const outcomes = await Promise.all(others.map(take));
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(1);
    await Promise.all(others.map(kill));
  }
  await rm(folder, { recursive: true });
});

test('the name of a folder counts in bytes: one that is too long for a socket has it elsewhere', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'wyvern-lock-'));
  const folder = join(parent, 'ü'.repeat(40));
  await mkdir(folder);
  expect(join(folder, 'supervisor.sock').length).toBeLessThan(100);
  const locks = await lockFolder(folder);
  expect(locks.at(-1)?.address()).toMatch(/wyvern-[0-9a-f]{24}\.sock$/);
  for (const lock of locks) lock.close();
  await rm(parent, { recursive: true });
});
