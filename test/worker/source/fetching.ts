import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import type { Source } from '../../../src/tasks/definition.ts';
import { Fetcher, type FetcherSettings } from '../../../src/worker/source/fetcher.ts';
import { type RoomPart, SourceRoom } from '../../../src/worker/source/source-room.ts';

export interface Fetching extends AsyncDisposable {
  readonly fetcher: Fetcher;
  /** Into the first file of a new folder. */
  fetch(url: string, signal?: AbortSignal): Promise<Source>;
  /** Path of the file into which the last `fetch` spools. */
  spooling(): string;
  /** The body as text. */
  text(url: string): Promise<string>;
  /** Message of the failure, after `(passing) ` if it is that. Fails the test if a file was left behind. */
  failure(url: string): Promise<string>;
  /** What the fetch was rejected with. Fails the test if a file was left behind. */
  rejection(url: string, signal?: AbortSignal): Promise<unknown>;
}

/** Limits far beyond what a busy machine needs, for the phases that are not under test. */
export const PATIENT = { connectMs: 20_000, headersMs: 20_000, idleMs: 20_000, totalMs: 20_000 };

/** Takes everything into files of the folder, and removes them when they are given back. */
export const fileRoom = (folder: string): SourceRoom =>
  new SourceRoom(folder, { workerBytes: 0, idleFiles: 0 });

/** A fetcher that may go to 127.0.0.1 on any port. Its end fails the test if a file stayed open. */
export async function startFetching(settings: Partial<FetcherSettings> = {}): Promise<Fetching> {
  const root = await mkdtemp(join(tmpdir(), 'wyvern-source-'));
  const fetcher = new Fetcher({ ports: [80, 443], allow: ['127.0.0.1'], ...settings });
  const parts: RoomPart[] = [];
  let last = '';
  const fetchInto = async (url: string, signal = new AbortController().signal) => {
    last = await mkdtemp(join(root, 'fetch-'));
    const part = fileRoom(last).part();
    parts.push(part);
    return fetcher.fetch(url, part, signal);
  };
  const rejection = async (url: string, signal = new AbortController().signal) => {
    const folder = await mkdtemp(join(root, 'fetch-'));
    const part = fileRoom(folder).part();
    const reason = await fetcher.fetch(url, part, signal).then(
      (source) => expect.fail(`fetched ${source.bytes} bytes`),
      (error: unknown) => error,
    );
    await part.leave();
    expect(await readdir(folder)).toEqual([]);
    return reason;
  };
  return {
    fetcher,
    fetch: fetchInto,
    spooling: () => join(last, '1'),
    rejection,
    text: async (url) => {
      const { data, path } = await fetchInto(url);
      return data === undefined ? readFile(path, 'latin1') : Buffer.from(data).toString('latin1');
    },
    failure: async (url) => {
      const reason = await rejection(url);
      expect(reason).toBeInstanceOf(TaskFailure);
      const { message, passing } = reason as TaskFailure;
      return passing ? `(passing) ${message}` : message;
    },
    async [Symbol.asyncDispose]() {
      await fetcher.close();
      await Promise.all(parts.map((part) => part.leave()));
      const handles = await openHandles(root);
      await rm(root, { recursive: true, force: true });
      expect(handles).toEqual([]);
    },
  };
}

async function openHandles(folder: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const handles = await readdir('/proc/self/fd');
  const targets = await Promise.all(handles.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(folder));
}
