import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stopLeftover } from '../../src/log/server/leftover-server.ts';
import { temporaryFolder } from '../support/folder.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let pidFile: string;
let left: ChildProcess;
const path = process.env.PATH;

beforeEach(async () => {
  folder = await temporaryFolder();
  pidFile = join(folder.path, 'nats-server.pid');
  // What was left behind, with its mark at the end of a long command line.
  const idle = `setInterval(() => {}, 1_000); // ${'-'.repeat(200)}`;
  left = spawn(process.execPath, ['-e', idle, join(folder.path, 'nats-server.conf')]);
  await once(left, 'spawn');
  await writeFile(pidFile, `${left.pid}\n`);
});
afterEach(async () => {
  process.env.PATH = path;
  left.kill('SIGKILL');
  await folder[Symbol.asyncDispose]();
});

const isRunning = () => left.exitCode === null && left.signalCode === null;
const hasPidFile = () =>
  access(pidFile).then(
    () => true,
    () => false,
  );

describe.each([
  ['from /proc', '/proc'],
  ['from ps where there is no /proc', '/nowhere'],
])('a process that a pid file names, and whose command line is known %s', (_, proc) => {
  it('is stopped if it is the server that was left behind', async () => {
    const ended = once(left, 'exit');
    await stopLeftover(pidFile, join(folder.path, 'nats-server.conf'), proc);
    expect(await ended).toEqual([null, 'SIGTERM']);
  });

  it("is left alone if it is a stranger's, to whom the number was given", async () => {
    await stopLeftover(pidFile, '/another/nats-server.conf', proc);
    expect(isRunning()).toBe(true);
    expect(await hasPidFile()).toBe(false);
  });
});

it('a process of which nothing is known is left alone', async () => {
  process.env.PATH = folder.path;
  await stopLeftover(pidFile, join(folder.path, 'nats-server.conf'), '/nowhere');
  expect(isRunning()).toBe(true);
});
