import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { TaskFailure } from '../../actors/failure.ts';
import type { StoredEvent } from '../../src/log/envelope.ts';
import type { EventLog } from '../../src/log/log.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { OwnFiles } from '../../src/worker/own-files.ts';
import type { RoomPart } from '../../src/worker/source/source-room.ts';
import { completed, KEY, queued, started, stored, storing } from '../actors/events.ts';

const ROOM: RoomPart = {
  takeMemory: () => true,
  file: () => Promise.reject(),
  leave: async () => {},
  takeDisk: () => true,
  waitForDisk: async () => {},
};
const OUTPUT = `http://wyvern.example/base/files/${KEY}/thumb.jpg`;
const SAMPLE = 'http://wyvern.example/base/files/sample/raccoon.jpg';

/** Reads a URL where the log has this history of `KEY`, and the store these files. */
function reading(history: readonly TaskEvent[], files: Readonly<Record<string, string>>) {
  const open: string[] = [];
  const log: Partial<EventLog> = {
    history: async (key) =>
      (key === KEY ? history : []).map(
        (event, index) => ({ key, name: 'image.thumb', seq: index + 1, event }) as StoredEvent,
      ),
  };
  const storage: Partial<Storage> = {
    open: async ({ key, attempt, file }) => {
      const path = `${key}/${attempt}/${file}`;
      const data = files[path];
      if (data === undefined) return undefined;
      open.push(path);
      return {
        bytes: data.length,
        modifiedAt: new Date(),
        read: () => Readable.from([Buffer.from(data)]),
        close: async () => void open.splice(open.indexOf(path), 1),
      };
    },
  };
  const own = new OwnFiles({
    log: log as EventLog,
    storage: storage as Storage,
    publicUrl: 'http://wyvern.example/base',
    maxBytes: 1_000,
  });
  const read = (url: string, { signal } = new AbortController()) => own.read(url, ROOM, signal);
  return { read, open, storage };
}

const ended = [queued(), started(2), { ...completed(2), outputs: [stored('thumb', 2)] } as TaskEvent];

describe('a source that is a file of ours', () => {
  it('is the output of the attempt that won, and closed when it is read', async () => {
    const { read, open } = reading(ended, { [`${KEY}/1/thumb.jpg`]: 'lost', [`${KEY}/2/thumb.jpg`]: 'won' });
    const source = await read(OUTPUT);
    expect(source).toMatchObject({ url: OUTPUT, bytes: 3, contentType: 'image/jpeg' });
    expect(Buffer.from(source?.data ?? []).toString()).toBe('won');
    expect(open).toEqual([]);
  });

  it('is there as soon as it is announced, whatever follows the path', async () => {
    const { read } = reading([queued(), started(1), storing(1, ['thumb'])], { [`${KEY}/1/thumb.jpg`]: 'x' });
    for (const end of ['', '?w=1', '#part']) expect(await read(OUTPUT + end)).toMatchObject({ bytes: 1 });
  });

  it('may be a sample', async () => {
    const { read } = reading([], { 'sample/0/raccoon.jpg': 'raccoon' });
    expect(await read(SAMPLE)).toMatchObject({ url: SAMPLE, bytes: 7, contentType: 'image/jpeg' });
  });

  it.each([
    'http://wyvern.example/files/a.jpg',
    `http://other.example/base/files/${KEY}/thumb.jpg`,
    `https://wyvern.example/base/files/${KEY}/thumb.jpg`,
  ])('is not at %s', async (url) => {
    expect(await reading(ended, {}).read(url)).toBeUndefined();
  });

  it.each([
    ['a task that made no such file', `${KEY}/other.jpg`],
    ['a task that nobody knows', '01M84ZP4NZT60472F4WFEKWFZY/thumb.jpg'],
    ['what is no key', 'x/thumb.jpg'],
    ['a path that goes on', `${KEY}/thumb.jpg/more`],
    ['a sample that is none', 'sample/nothing.jpg'],
    ['a sample by an odd name', 'sample/..%2Fraccoon.jpg'],
    ['a file that the store has lost', `${KEY}/thumb.jpg`],
  ])('is refused as one that is not there: %s', async (_what, path) => {
    const url = `http://wyvern.example/base/files/${path}`;
    await expect(reading(ended, {}).read(url)).rejects.toThrow(`File '${url}' answered 404`);
  });

  it('is read no further when nobody wants it any more', async () => {
    const { read, storage } = reading(ended, {});
    const abort = new AbortController();
    const close = vi.fn(async () => {});
    let given = 0;
    async function* pieces() {
      for (; given < 900; given += 1) {
        if (given === 3) abort.abort(new Error('canceled'));
        yield Buffer.of(given % 256);
      }
    }
    const content = () => Readable.from(pieces(), { highWaterMark: 1 });
    storage.open = async () => ({ bytes: 900, modifiedAt: new Date(), read: content, close });
    await expect(read(OUTPUT, abort)).rejects.toThrow('canceled');
    expect(given).toBeLessThan(10);
    expect(close).toHaveBeenCalledOnce();
  });

  it('fails for a passing reason when the store does not answer', async () => {
    const { read, storage } = reading(ended, {});
    storage.open = () => Promise.reject(new Error('out of reach'));
    const failure: unknown = await read(OUTPUT).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TaskFailure);
    expect(failure).toMatchObject({ passing: true, message: `File '${OUTPUT}' could not be spooled` });
  });
});
