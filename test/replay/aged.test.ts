import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { streamFolder } from '../../src/log/jetstream/stream.ts';
import { storeOf } from '../../src/log/server/embedded-server.ts';
import { temporaryFolder } from '../support/folder.ts';
import { create, untilAllEnded } from '../support/histories.ts';
import { Program } from '../support/program.ts';
import { connectToLogOf } from '../support/raw-log.ts';
import { PROGRAM, Service } from '../support/service.ts';
import { until } from '../support/until.ts';

/** As short as it may be for the stream's window of duplicates, which no setting allows. */
const MAX_AGE_MS = 10_000;

test('replay takes nothing from a log at rest that has grown too old: it reads a copy', {
  timeout: 60_000,
}, async () => {
  await using folder = await temporaryFolder();
  await using temporary = await temporaryFolder();
  {
    await using service = await Service.start({}, folder.path);
    const keys = await create(service, [
      { task_name: 'hello', name: 'a' },
      { task_name: 'hello', name: 'b' },
    ]);
    await untilAllEnded(service, keys, 10_000);
    const connection = await connectToLogOf(folder.path);
    await (await jetstreamManager(connection)).streams.update('TASKS', { max_age: nanos(MAX_AGE_MS) });
    await connection.close();
  }
  const stoppedAt = Date.now();
  const before = await blocksOf(folder.path);
  expect(before.length).toBeGreaterThan(0);
  await until(() => Date.now() > stoppedAt + MAX_AGE_MS, 20_000);

  await using program = new Program('replay', { DATA_DIR: folder.path, TMPDIR: temporary.path }, [
    '--verify',
  ]);
  expect(await program.ended()).toBe(0);
  expect(program.output).toContain('a copy is read');
  expect(program.output).toContain('0 events of 0 tasks');
  expect(await blocksOf(folder.path)).toEqual(before);
  expect(await readdir(temporary.path)).toEqual([]);

  // Nothing is left of the copy either when nobody hears what is said of it.
  const env = { ...process.env, DATA_DIR: folder.path, TMPDIR: temporary.path };
  const unheard = spawn(process.execPath, [PROGRAM, 'replay', '--verify'], {
    env: { ...env, NATS_URL: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  unheard.stdout.destroy();
  unheard.stderr.destroy();
  await new Promise((resolve) => unheard.once('exit', resolve));
  expect(await readdir(temporary.path)).toEqual([]);

  await using nowhere = new Program('replay', { DATA_DIR: folder.path, TMPDIR: '/nowhere' }, ['--verify']);
  expect(await nowhere.ended()).toBe(78);
  expect(nowhere.output).toMatch(/^cannot make a copy of the log to read/m);
});

/** The log's blocks, each with a hash of what is in it. */
async function blocksOf(folder: string): Promise<string[]> {
  const blocks = join(streamFolder(storeOf({ DATA_DIR: folder })), 'msgs');
  const names = (await readdir(blocks)).filter((name) => name.endsWith('.blk'));
  const hashes = names.map(async (name) => {
    const bytes = await readFile(join(blocks, name));
    return `${name} ${createHash('sha256').update(bytes).digest('hex')}`;
  });
  return Promise.all(hashes);
}
