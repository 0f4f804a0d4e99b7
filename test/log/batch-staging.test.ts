import { existsSync, watch } from 'node:fs';
import { chmod, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BatchStaging, type StagingOptions } from '../../src/log/jetstream/batch-staging.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { streamFolder } from '../../src/log/jetstream/stream.ts';
import { newKey } from '../../src/log/key.ts';
import { type Append, LogUnavailable } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { storeOf } from '../../src/log/server/embedded-server.ts';
import { queued } from '../actors/events.ts';
import { temporaryFolder } from '../support/folder.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';

let server: TestLog;
let log: JetStreamLog;
let memory: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: BatchStaging | undefined;
let said: string[];
beforeEach(async () => {
  server = await TestLog.start();
  log = (await server.open()).log;
  memory = await temporaryFolder();
  said = [];
});
afterEach(async () => {
  await server.kill();
  staging?.close();
  await server[Symbol.asyncDispose]();
  await memory[Symbol.asyncDispose]();
});

function stage(options: Partial<StagingOptions> = {}): BatchStaging {
  const logger = pino({ level: 'info' }, { write: (line: string) => void said.push(line) });
  const store = storeOf(server.config);
  staging = new BatchStaging({ store, config: { MAX_BODY: 1_000 }, logger, memory: memory.path, ...options });
  return staging;
}

const link = (): string => join(streamFolder(storeOf(server.config)), 'batches');
const linked = (): Promise<string> => until(() => readlink(link()).catch(() => undefined));

const request = (tasks = 3): Append[] =>
  Array.from({ length: tasks }, () => seal({ name: 'hello', key: newKey() }, queued()));

/** How many tasks of the request are in the log. */
const storedOf = async (entries: readonly Append[]): Promise<number> =>
  (await log.outlines(entries.map(({ key }) => key))).length;

/** Whether anything is made in the folder while a request is stored. */
async function isStagedIn(folder: string): Promise<boolean> {
  let isTouched = false;
  const watcher = watch(folder, () => {
    isTouched = true;
  });
  const entries = request();
  await log.appendAll(entries);
  expect(await storedOf(entries)).toBe(3);
  watcher.close();
  return isTouched;
}

describe('Batches', () => {
  it('are staged in memory, also where a server has begun without and after it was started again', async () => {
    await log.appendAll(request());
    stage();
    const folder = await linked();
    expect(folder.startsWith(memory.path)).toBe(true);
    expect(await isStagedIn(folder)).toBe(true);
    await server.kill();
    server.restart();
    await until(() => log.appendAll(request()).catch(() => undefined));
    await linked();
    expect(await isStagedIn(folder)).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });

  it('are stored whole or not at all by a server that is killed again and again', async () => {
    stage();
    await linked();
    const asked: { readonly entries: readonly Append[]; isStored: boolean }[] = [];
    let isOver = false;
    const ask = async (): Promise<void> => {
      while (!isOver) {
        const entries = request(200);
        const one = { entries, isStored: false };
        asked.push(one);
        await log.appendAll(entries).then(
          () => {
            one.isStored = true;
          },
          (error: unknown) => expect(error).toBeInstanceOf(LogUnavailable),
        );
      }
    };
    const asking = [ask(), ask()];
    for (let round = 0; round < 3; round++) {
      const before = asked.length;
      await until(() => asked.length >= before + 6);
      await server.kill();
      server.restart();
      await until(() => log.ping().catch(() => undefined));
    }
    isOver = true;
    await Promise.all(asking);
    expect(asked.filter(({ isStored }) => isStored).length).toBeGreaterThan(10);
    for (const { entries, isStored } of asked) {
      const stored = await storedOf(entries);
      expect(isStored ? [200] : [0, 200]).toContain(stored);
    }
  }, 60_000);

  it('go on when what lies in the memory is removed', async () => {
    stage();
    await rm(await linked(), { recursive: true });
    const entries = request();
    await log.appendAll(entries);
    expect(await storedOf(entries)).toBe(3);
  });

  it('are staged on disk where too little memory is free', async () => {
    await log.appendAll(request());
    stage({ config: { MAX_BODY: Number.MAX_SAFE_INTEGER } });
    expect(await isStagedIn(link())).toBe(true);
    expect(await readdir(memory.path)).toEqual([]);
  });

  it('go to disk when the memory gets full, whatever is left there, and back when there is room', async () => {
    let free = 1e9;
    stage({ freeOf: () => free });
    const folder = await linked();
    await mkdir(join(folder, 'left'));
    free = 0;
    await until(() =>
      readlink(link()).then(
        () => undefined,
        () => true,
      ),
    );
    expect(await readdir(folder)).toEqual([]);
    await log.appendAll(request());
    expect(await isStagedIn(link())).toBe(true);
    free = 1e9;
    expect(await isStagedIn(await linked())).toBe(true);
  });

  it('that a server has left are there when it starts again, even if there is no room any more', async () => {
    let free = 1e9;
    const one = stage({ freeOf: () => free });
    const folder = await linked();
    one.close();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const two = stage({ freeOf: () => free });
      vi.advanceTimersByTime(1_000);
      two.serverEnded();
      await mkdir(join(folder, 'left'));
      free = 0;
      vi.advanceTimersByTime(60_000);
      expect(await readdir(folder)).toEqual(['left']);
      expect(await readlink(link())).toBe(folder);
      await rm(link());
      vi.advanceTimersByTime(1_000);
      free = 1e9;
      vi.advanceTimersByTime(1_000);
      expect(await readdir(folder)).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('are staged on disk when somebody puts a link in the place of what is in memory', async () => {
    stage();
    const folder = await linked();
    await using elsewhere = await temporaryFolder();
    for (const target of [elsewhere.path, join(elsewhere.path, 'missing')]) {
      said.length = 0;
      await rm(folder, { recursive: true });
      await symlink(target, folder);
      await until(() => said[0]);
      await log.appendAll(request());
      expect(await readdir(elsewhere.path)).toEqual([]);
      await rm(folder);
      await linked();
    }
  });

  it('are staged on disk where there is no such memory', async () => {
    await log.appendAll(request());
    stage({ memory: join(memory.path, 'missing') });
    await until(() => said.length > 0);
    expect(await isStagedIn(link())).toBe(true);
  });

  it('are staged on disk where somebody else could choose what lies in the memory', async () => {
    await log.appendAll(request());
    const first = stage();
    const folder = await linked();
    first.close();
    await mkdir(folder);
    await chmod(folder, 0o777);
    stage();
    expect(await until(() => said[0])).toContain(folder);
    await log.appendAll(request());
    expect(await readdir(folder)).toEqual([]);
  });

  it('leave nothing behind when the service stops', async () => {
    const first = stage();
    const folder = await linked();
    await log.appendAll(request());
    first.close();
    expect(existsSync(folder)).toBe(false);
    expect(existsSync(link())).toBe(false);
  });
});
