import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { hashOf } from '../../src/log/envelope.ts';
import { eventDate } from '../../src/log/event-date.ts';
import { JetStreamImport } from '../../src/log/jetstream/import.ts';
import { newKey } from '../../src/log/key.ts';
import type { LogRecord } from '../../src/log/reading.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { diskStorageToRead, openDiskStorage } from '../../src/storage/disk-storage.ts';
import { jetStreamStorageToRead } from '../../src/storage/jetstream/jetstream-storage.ts';
import { shardOf } from '../../src/storage/storage.ts';
import { Bench, replayed } from './import-support.ts';

const BYTES = Buffer.from('the bytes of a picture');
const key = newKey();
const place = { name: 'hello', key };
const output = { key, attempt: 1, file: 'output.jpg' };
let bench: Bench;

/** A task with one output, as its worker would write it. */
function life(): LogRecord[] {
  const account = 'acme';
  const sha256 = createHash('sha256').update(BYTES).digest('hex');
  const stored = {
    name: 'output',
    attempt: 1,
    file: output.file,
    content_type: 'image/jpeg',
    bytes: BYTES.length,
    sha256,
  };
  const queued = seal(place, { type: 'queued', at: eventDate(), account, task: { task_name: 'hello' } });
  const started = seal(
    place,
    { type: 'started', at: eventDate(), account, attempt: 1, worker: 'w' },
    hashOf(queued.bytes),
  );
  const completed = seal(
    place,
    {
      type: 'completed',
      at: eventDate(),
      account,
      attempt: 1,
      result: {},
      outputs: [stored],
      spent: { queued: 1, fetching: 1, running: 1, storing: 1 },
    },
    hashOf(started.bytes),
  );
  return [queued, started, completed].map(({ event, bytes }, index) => ({
    seq: index + 1,
    subject: subjectOf('hello', key, event),
    bytes,
    storedAtMs: Date.now(),
  }));
}

/** A log of these records, at their sequences. */
async function logOf(records: readonly LogRecord[]) {
  await bench.removeLog();
  const log = await JetStreamImport.begin(bench.connection, bench.config, {
    first: 1,
    isPart: false,
    signal: new AbortController().signal,
  });
  for (const record of records) await log.store(record);
  await log.finish();
  return bench.log();
}

const illegalIn = async (...args: Parameters<typeof replayed>): Promise<string[]> =>
  (await replayed(...args)).lines.slice(0, -1);

beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe('the outputs of a task', () => {
  const verify = async (): Promise<string[]> =>
    illegalIn({ log: await bench.log(), storage: diskStorageToRead(bench.folder) }, '--verify', '--json');
  const file = () => join(bench.folder, shardOf(key), `${key}.1.output.jpg`);

  beforeEach(async () => {
    await (await openDiskStorage(bench.folder)).put(output, BYTES);
    await logOf(life());
  });

  it('are as they were made', async () => {
    expect(await verify()).toEqual([]);
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    [
      'of which a byte was changed',
      async () => writeFile(file(), (await readFile(file(), 'utf8')).replace('t', 'T')),
      /has been changed in the store/,
    ],
    ['which was cut off', () => writeFile(file(), BYTES.subarray(1)), /the store has 21 bytes instead of 22/],
    ['which is gone', () => rm(file()), /is not in the store \(STORAGE=disk, \/.+\)$/],
  ])('are missed: one %s', async (_, harm, words) => {
    await harm();
    const [line, ...more] = await verify();
    expect(more).toEqual([]);
    expect(JSON.parse(line as string)).toMatchObject({
      seq: 3,
      key,
      illegal: 'output',
      description: expect.stringMatching(words),
    });
  });

  it('are missed where there is no store at all, which is not made by looking', async () => {
    const storage = await jetStreamStorageToRead(bench.connection);
    const [line] = await illegalIn({ log: await bench.log(), storage }, '--verify');
    expect(line).toContain('is not in the store (STORAGE=jetstream)');
    expect(await bench.streams()).toEqual(['TASKS']);
  });
});

test('a gap in the log is named, once, and not blamed on the tasks that it tears', async () => {
  const [first, , last] = life() as [LogRecord, LogRecord, LogRecord];
  const lines = await illegalIn(await logOf([first, last]), '--verify', '--json', '--skip-outputs');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { seq: 2, illegal: 'gap', description: 'event 2 is missing from the log' },
  ]);
});
