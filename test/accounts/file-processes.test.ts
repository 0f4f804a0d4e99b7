import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

// Node 20 runs no TypeScript by itself; vite, which runs these tests, loads the file for the child and lowers it.
// A byte on its input is the starting shot, so that the children meet at the file and not one after the other.
const START = `
  const { runnerImport } = await import('vite');
  const options = { configFile: false, logLevel: 'silent', oxc: { target: 'es2022' } };
  const { module } = await runnerImport('./src/accounts/file-accounts.ts', options);
  console.log('ready');
  for await (const _ of process.stdin) break;
  const files = await module.FileAccounts.open({ path: process.argv[1] });
  console.log(JSON.stringify(files.createdSecret ?? null));
`;

/** Opens the accounts in a process of its own, which ends by itself although it never closes them. */
function starter(path: string) {
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, ['--input-type=module', '-e', START, path], {
    cwd: ROOT,
    stdio: [...stdio],
  });
  const ended = once(child, 'close');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return {
    ready: () => until(() => output.startsWith('ready') || child.exitCode !== null, 60_000),
    async start(): Promise<string | null> {
      child.stdin.end('!');
      expect(await ended).toEqual([0, null]);
      return JSON.parse(output.replace('ready', ''));
    },
  };
}

it('several processes that start for the first time agree on one file, and watching keeps none of them alive', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'data', 'accounts.json');
  const starters = Array.from({ length: 6 }, () => starter(path));
  await Promise.all(starters.map(({ ready }) => ready()));
  const secrets = await Promise.all(starters.map(({ start }) => start()));
  const created = secrets.filter((secret) => secret !== null);
  expect(created).toHaveLength(1);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
    accounts: [{ name: 'default', secret: created[0] }],
  });
  expect(await readdir(join(folder.path, 'data'))).toEqual(['accounts.json']);
}, 60_000);
