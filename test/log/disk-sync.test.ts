import { type fdatasync, fstatSync } from 'node:fs';
import { mkdir, readdir, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DiskSync, LOOK_EVERY_MS } from '../../src/log/jetstream/disk-sync.ts';
import { streamFolder } from '../../src/log/jetstream/stream.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';

let store: Awaited<ReturnType<typeof temporaryFolder>>;
let blocks: string;
/** Files that the disk was asked for and has not answered yet. */
let asked: { readonly inode: number; answer(error?: Error): void }[];
let disk: DiskSync;
let told: string[];

beforeEach(async () => {
  store = await temporaryFolder();
  blocks = join(streamFolder(store.path), 'msgs');
  await mkdir(blocks, { recursive: true });
  await write(1);
  asked = [];
  told = [];
  const held = (file: number, done: (error: Error | null) => void): void => {
    asked.push({ inode: fstatSync(file).ino, answer: (error) => done(error ?? null) });
  };
  disk = new DiskSync(store.path, held as typeof fdatasync);
});
afterEach(() => store[Symbol.asyncDispose]());

const block = (number: number): string => join(blocks, `${number}.blk`);
const write = (number: number): Promise<void> => writeFile(block(number), `events of ${number}`);
const inode = async (number: number): Promise<number> => (await stat(block(number))).ino;
const wait = (seq: number): void => disk.through(seq, () => void told.push(`${seq}`));

/** Blocks that this process has open. */
async function openFiles(): Promise<string[]> {
  const files = await readdir('/proc/self/fd');
  const paths = await Promise.all(files.map((file) => readlink(`/proc/self/fd/${file}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(blocks));
}

/** The disk answers what it is asked, until everybody has been told; resolves with the files that it was asked for. */
async function answerAll(seqs: readonly number[]): Promise<number[]> {
  const inodes: number[] = [];
  await until(() => {
    const next = asked.shift();
    if (next) inodes.push(next.inode);
    next?.answer();
    return told.length === seqs.length;
  });
  expect(told).toEqual(seqs.map(String));
  return inodes;
}

describe('Who needs an event on disk', () => {
  it('is told when the disk has answered, in order, and all that came together at once', async () => {
    for (const seq of [1, 2, 3]) wait(seq);
    await until(() => asked.length === 1);
    expect(told).toEqual([]);
    expect(await answerAll([1, 2, 3])).toEqual([await inode(1)]);
  });

  it('waits for the next answer when the disk was asked before the event came', async () => {
    wait(1);
    await until(() => asked.length === 1);
    wait(2);
    asked.shift()?.answer();
    expect(told).toEqual(['1']);
    expect(await answerAll([1, 2])).toEqual([await inode(1)]);
  });

  it('is not overtaken: what is told of an event has been told of the events before it', async () => {
    wait(600);
    await until(() => asked.length === 1);
    wait(10);
    asked.shift()?.answer();
    wait(11);
    expect(told).toEqual(['600', '10', '11']);
    expect(asked).toEqual([]);
  });

  it('is told at once if it is there', async () => {
    wait(7);
    await answerAll([7]);
    wait(5);
    expect(told).toEqual(['7', '5']);
  });

  it('has every file put on disk that may have it, once the log has gone on to others', async () => {
    wait(1);
    await answerAll([1]);
    await write(2);
    await write(3);
    wait(9);
    expect(await answerAll([1, 9])).toEqual(await Promise.all([1, 2, 3].map(inode)));
    wait(10);
    expect(await answerAll([1, 9, 10])).toEqual([await inode(3)]);
  });

  it('has the newest three put on disk first, which another process may have left behind', async () => {
    for (const number of [2, 3, 4, 10]) await write(number);
    wait(1);
    expect(await answerAll([1])).toEqual(await Promise.all([3, 4, 10].map(inode)));
  });

  it('has the file put on disk that took the place of another, and the one after those that are gone', async () => {
    wait(1);
    await answerAll([1]);
    await writeFile(`${block(1)}.tmp`, 'what is left of it');
    await rename(`${block(1)}.tmp`, block(1));
    wait(2);
    expect((await answerAll([1, 2])).at(-1)).toBe(await inode(1));
    await rm(block(1));
    await write(5);
    wait(3);
    expect((await answerAll([1, 2, 3])).at(-1)).toBe(await inode(5));
  });

  it('waits for the server to put another file in the place of the last one', async () => {
    await rm(block(1));
    wait(1);
    setTimeout(() => void write(2), 50);
    expect(await answerAll([1])).toEqual([await inode(2)]);
  });

  it.each([
    ['removed', () => rm(blocks, { recursive: true })],
    ['moved away', () => rename(blocks, `${blocks}-before`)],
  ])(
    'waits for a log that has taken the place of one that was %s, though its sequences are lower',
    async (_, end) => {
      wait(100);
      await answerAll([100]);
      await end();
      await mkdir(blocks);
      await write(1);
      await delay(LOOK_EVERY_MS);
      wait(5);
      expect(told).toEqual(['100']);
      expect(await answerAll([100, 5])).toEqual([await inode(1)]);
    },
  );

  it('is told at once if it waits for nothing, though the log is gone', async () => {
    wait(100);
    await answerAll([100]);
    await rm(blocks, { recursive: true });
    await delay(LOOK_EVERY_MS);
    wait(0);
    expect(told).toEqual(['100', '0']);
  });

  it('waits for what has come of another log while that was put on disk', async () => {
    wait(100);
    await until(() => asked.length === 1);
    await rm(blocks, { recursive: true });
    await mkdir(blocks);
    await write(1);
    asked.shift()?.answer();
    expect(asked.map((one) => one.inode)).toEqual([await inode(1)]);
    wait(5);
    asked.shift()?.answer();
    expect(told).toEqual(['100']);
    expect(await answerAll([100, 5])).toEqual([await inode(1)]);
  });

  it('is still told when nothing more is to come; then no file stays open', async () => {
    wait(1);
    await until(() => asked.length === 1);
    disk.close();
    expect(await openFiles()).toEqual([block(1)]);
    await answerAll([1]);
    expect(await openFiles()).toEqual([]);
    await delay(LOOK_EVERY_MS);
    wait(1);
    expect(told).toEqual(['1', '1']);
    expect(await openFiles()).toEqual([]);
  });

  it('is never told when there is no file of the log for a second', async () => {
    await rm(block(1));
    vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate'] });
    try {
      wait(1);
      vi.advanceTimersByTime(900);
      expect(() => vi.advanceTimersByTime(200)).toThrow('there is no block of the log');
    } finally {
      vi.useRealTimers();
    }
    expect(told).toEqual([]);
  });

  it('is never told when the disk fails', async () => {
    wait(1);
    await until(() => asked.length === 1);
    expect(() => asked.shift()?.answer(new Error('EIO'))).toThrow('the log could not be put on disk');
    expect(told).toEqual([]);
  });
});

it('Who needs an event on disk is told by the fdatasync of the system, too', async () => {
  const real = new DiskSync(store.path);
  await new Promise<void>((resolve) => real.through(1, resolve));
  real.close();
  expect(await openFiles()).toEqual([]);
});
