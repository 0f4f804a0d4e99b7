import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';

const SCRIPT = fileURLToPath(new URL('./look-up.mjs', import.meta.url));

test.each([0, 1])('A process ends at once though it looks up a name: with %i', async (code) => {
  await using folder = await temporaryFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const child = fork(SCRIPT, [pipe, String(code)]);
  const giveUp = setTimeout(() => child.kill('SIGTERM'), 10_000);
  const [, signal] = await once(child, 'exit');
  clearTimeout(giveUp);
  expect(signal).toBe('SIGKILL');
});
