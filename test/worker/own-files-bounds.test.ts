import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TaskFailure } from '../../actors/failure.ts';
import { openDiskStorage } from '../../src/storage/disk-storage.ts';
import { OwnFiles } from '../../src/worker/own-files.ts';
import { SourceRoom } from '../../src/worker/source/source-room.ts';
import { fetchSources } from '../../src/worker/source/sources.ts';
import { temporaryFolder } from '../support/folder.ts';
import { TestLog } from '../support/nats.ts';

const SAMPLE = 'http://wyvern.example/files/sample/landscape.jpg';
const OUTPUT = 'http://wyvern.example/files/01M87JD8B37T6R6VY8TKT67RS4/output.jpg';
const never = new AbortController().signal;

let nats: TestLog;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  [nats, folder] = await Promise.all([TestLog.start(), temporaryFolder()]);
});
afterAll(async () => {
  await nats[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Files of ours of up to `maxBytes`, one of them a sample of 1,001 bytes. */
async function ownFiles(maxBytes = 50_000_000) {
  const storage = await openDiskStorage(join(folder.path, 'files'));
  await storage.put({ key: 'sample', attempt: 0, file: 'landscape.jpg' }, Buffer.alloc(1_001, 'x'));
  const { log } = await nats.open();
  return new OwnFiles({ log, storage, publicUrl: 'http://wyvern.example', maxBytes });
}

const roomFor = (diskBytes = 1_000_000) =>
  new SourceRoom(join(folder.path, randomUUID()), { workerBytes: 0, idleFiles: 0, diskBytes });

async function failureOf(reading: Promise<unknown>): Promise<string> {
  const failure = await reading.then(
    () => expect.fail('read'),
    (error: unknown) => error as TaskFailure,
  );
  expect(failure).toBeInstanceOf(TaskFailure);
  return failure.passing ? `(passing) ${failure.message}` : failure.message;
}

describe('a file of ours', () => {
  it('is no larger than other sources', async () => {
    const part = roomFor().part();
    const source = await (await ownFiles(1_001)).read(SAMPLE, part, never);
    expect(await readFile(source?.path as string, 'latin1')).toBe('x'.repeat(1_001));
    expect(await failureOf((await ownFiles(1_000)).read(SAMPLE, part, never))).toBe(
      `File '${SAMPLE}' is larger than 1 kB`,
    );
    await part.leave();
  });

  it('is read once, whatever queries its URL is named with', async () => {
    const files = await ownFiles();
    const part = roomFor().part();
    const urls = [
      SAMPLE,
      `${SAMPLE}?1`,
      `${SAMPLE}#2`,
      `${SAMPLE}?1`,
      'http://other.example/?1',
      'http://other.example/',
    ];
    const read: string[] = [];
    const sources = await fetchSources(
      urls,
      async (url, signal) => {
        read.push(url);
        return (await files.read(url, part, signal)) ?? { url, bytes: 1, data: Buffer.of(1) };
      },
      never,
      (url) => files.nameOf(url),
    );
    expect(read).toEqual([SAMPLE, 'http://other.example/?1', 'http://other.example/']);
    expect(sources.map(({ url }) => url)).toEqual(urls);
    expect(new Set(sources.slice(0, 4).map(({ path }) => path)).size).toBe(1);
    await part.leave();
  });

  it('is waited for no longer than the attempt lasts', async () => {
    const files = await ownFiles();
    const room = roomFor(1_000);
    const [first, second] = [room.part(), room.part()];
    await files.read(SAMPLE, first, never);
    const stop = new AbortController();
    const waiting = files.read(SAMPLE, second, stop.signal);
    setImmediate(() => stop.abort(new Error('canceled')));
    await expect(waiting).rejects.toThrow('canceled');
    await Promise.all([first.leave(), second.leave()]);
  });

  it('that there is none answers 404', async () => {
    const reading = (await ownFiles()).read(OUTPUT, roomFor().part(), never);
    expect(await failureOf(reading)).toBe(`File '${OUTPUT}' answered 404`);
  });

  it('can be had later when the log cannot be asked for it now', async () => {
    const files = await ownFiles();
    await nats.kill();
    const reading = files.read(OUTPUT, roomFor().part(), never);
    expect(await failureOf(reading)).toBe(`(passing) File '${OUTPUT}' could not be spooled`);
  });
});
