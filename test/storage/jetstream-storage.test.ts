import { randomBytes } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { FILES, PIECE_BYTES, pieceSubject } from '../../src/storage/jetstream/files-stream.ts';
import { openJetStreamStorage } from '../../src/storage/jetstream/jetstream-storage.ts';
import { type OutputPath, StorageFailure } from '../../src/storage/storage.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';
import { contentOf, KEY, LARGE, storageContract } from './contract.ts';

const AT: OutputPath = { key: KEY, attempt: 1, file: 'output.jpg' };
const MAX_FILES_BYTES = 60_000_000;

let server: TestLog;
beforeAll(async () => {
  server = await TestLog.start({ STORAGE: 'jetstream', MAX_FILES_BYTES: String(MAX_FILES_BYTES) });
});
afterAll(() => server[Symbol.asyncDispose]());

/** An empty store, and a hand on the stream below it. */
async function openEmpty() {
  const { connection } = await server.open();
  const manager = await jetstreamManager(connection);
  const open = (bytes = MAX_FILES_BYTES) =>
    openJetStreamStorage(connection, { MAX_FILES_BYTES: bytes, REPLICAS: 1 });
  const storage = await open();
  await manager.streams.purge(FILES);
  const subjects = async (filter: string) =>
    Object.keys((await manager.streams.info(FILES, { subjects_filter: filter })).state.subjects ?? {});
  return { connection, manager, open, storage, subjects };
}

storageContract(async () => {
  const { connection, open, storage, subjects } = await openEmpty();
  return {
    storage,
    again: async () => openJetStreamStorage((await server.open()).connection, server.config),
    dieHalfWay: async (at) => {
      const half = randomBytes(PIECE_BYTES);
      await connection.request(pieceSubject(at, newKey()), half);
    },
    unfinished: async () => {
      const puts = await subjects('piece.>');
      const whole = await Promise.all((await subjects('file.>')).map(isLarge(storage)));
      return puts.length - whole.filter(Boolean).length;
    },
    fill: async () => void (await open(LARGE + 1_000_000)),
    relieve: async () => void (await open()),
    [Symbol.asyncDispose]: () => connection.close(),
  };
});

const isLarge = (storage: Awaited<ReturnType<typeof openJetStreamStorage>>) => async (subject: string) => {
  const [, , key = '', attempt, name, extension] = subject.split('.');
  const file = await storage.open({ key, attempt: Number(attempt), file: `${name}.${extension}` });
  return (file?.bytes ?? 0) > PIECE_BYTES;
};

describe('the stream of outputs', () => {
  it('holds an output of up to 512 kB as one message, a larger one as pieces that fit into one', async () => {
    const { manager, storage, subjects } = await openEmpty();
    await storage.put(AT, randomBytes(PIECE_BYTES));
    expect((await manager.streams.info(FILES)).state.messages).toBe(1);
    await storage.put(AT, randomBytes(PIECE_BYTES + 1));
    expect((await manager.streams.info(FILES)).state.messages).toBe(3);
    expect(await subjects('file.>')).toEqual([`file.W2.${KEY}.1.output.jpg`]);
  });

  it('keeps no consumer for what was read', async () => {
    const { manager, storage } = await openEmpty();
    await storage.put(AT, randomBytes(LARGE));
    for (let count = 0; count < 20; count += 1) await contentOf(storage, AT);
    expect((await manager.streams.info(FILES)).state.consumer_count).toBe(0);
  });

  it('has what it acknowledged after its server was killed', async () => {
    const { storage } = await openEmpty();
    const [small, large] = [randomBytes(1_000), randomBytes(LARGE)];
    await storage.put(AT, small);
    await storage.put({ ...AT, attempt: 2 }, large);
    await server.kill();
    const lost = await storage.open(AT).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(StorageFailure);
    server.restart();
    const stored = await until(() => contentOf(storage, AT).catch(() => undefined), 20_000);
    expect(stored.equals(small)).toBe(true);
    expect((await contentOf(storage, { ...AT, attempt: 2 }))?.equals(large)).toBe(true);
  });

  it('refuses a read of pieces that another put has taken the place of, rather than mixing them', async () => {
    const { storage } = await openEmpty();
    const [first, second] = [randomBytes(LARGE), randomBytes(LARGE)];
    await storage.put(AT, first);
    const file = await storage.open(AT);
    await storage.put(AT, second);
    expect(await storage.removeUnfinished('W2', new Date(Date.now() + 60_000))).toBe(1);
    const read = async () => {
      for await (const _chunk of file?.read() ?? []);
    };
    await expect(read()).rejects.toBeInstanceOf(StorageFailure);
    expect((await contentOf(storage, AT))?.equals(second)).toBe(true);
  });
});
