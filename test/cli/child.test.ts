import { chmod, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Child } from '../../src/cli/child.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';

/** What no system takes: a single variable of this length keeps a program from being started. */
const TOO_LONG = 'x'.repeat(4 * 1024 * 1024);

interface Told {
  starts: number;
  /** How long each death made the next start wait, in ms. */
  waits: number[];
  /** Starts that came to nothing. */
  failures: number;
  isHopeless: boolean;
}

function run(command: string, env: NodeJS.ProcessEnv): Told & AsyncDisposable {
  const told: Told = { starts: 0, waits: [], failures: 0, isHopeless: false };
  const write = (line: string) => {
    if (line.includes('cannot start a program')) told.failures++;
    if (line.includes('a program died')) told.waits.push(JSON.parse(line).restartMs);
  };
  const child = new Child({
    name: 'a program',
    command,
    args: [],
    env,
    hasChannel: false,
    logger: pino({}, { write }),
    onStart: () => {
      told.starts++;
    },
    onHopeless: () => {
      told.isHopeless = true;
    },
  });
  return Object.assign(told, { [Symbol.asyncDispose]: () => child.stop(1_000) });
}

/** A program that ends at once. */
async function program(folder: string): Promise<string> {
  const path = join(folder, 'program');
  await writeFile(path, '#!/bin/sh\n');
  await chmod(path, 0o700);
  return path;
}

test('A process that cannot be started for a while is started when it can be', async () => {
  await using folder = await temporaryFolder();
  const env: NodeJS.ProcessEnv = {};
  await using told = run(await program(folder.path), env);
  env.HELD = TOO_LONG;
  await until(() => told.failures > 1);
  const { starts } = told;
  delete env.HELD;
  await until(() => told.starts > starts);
  expect(told.isHopeless).toBe(false);
});

test('A program that is being replaced is started when it is there again', async () => {
  await using folder = await temporaryFolder();
  const path = await program(folder.path);
  await using told = run(path, {});
  await until(() => told.starts > 0);
  await rename(path, `${path}.old`);
  await until(() => told.failures > 1);
  const { starts } = told;
  await rename(`${path}.old`, path);
  await until(() => told.starts > starts);
  expect(told.isHopeless).toBe(false);
});

test('A process that dies again and again waits longer each time, but never longer than 2 s', async () => {
  await using folder = await temporaryFolder();
  await using told = run(await program(folder.path), {});
  await until(() => told.waits.length > 6);
  expect(told.waits).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
});

test('A program that has never been there is hopeless', async () => {
  await using told = run('/nowhere/program', {});
  await until(() => told.isHopeless);
});
