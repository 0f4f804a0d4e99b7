import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BLOCK_BYTES } from '../../../src/worker/source/blocks.ts';
import { DiskRoom } from '../../../src/worker/source/disk-room.ts';
import { SourceRoom } from '../../../src/worker/source/source-room.ts';
import { Spool } from '../../../src/worker/source/spool.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { startFetching } from './fetching.ts';
import { send, startOrigin } from './origin.ts';

const never = new AbortController().signal;
const BODY = 700_000;

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

it('the files of many tasks take no more than their room, and one task’s, and all get their turn', async () => {
  await using folder = await temporaryFolder();
  await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'.repeat(BODY)));
  await using fetching = await startFetching();
  const room = new SourceRoom(folder.path, { workerBytes: 0, idleFiles: 0, diskBytes: 2 * BODY });
  let first: object | undefined;
  const peaks = await Promise.all(
    Array.from({ length: 9 }, async () => {
      const part = room.part();
      await fetching.fetcher.fetch(`${origin.url}/`, part, never);
      first ??= part;
      // The others have taken what there is, and go on only when this one leaves.
      if (first === part) await until(async () => (await bytesIn(folder.path)) > 1.9 * BODY);
      const bytes = await bytesIn(folder.path);
      await part.leave();
      return bytes;
    }),
  );
  expect(Math.max(...peaks)).toBeLessThanOrEqual(3 * BODY);
});

it.each([BODY, 1_000])(
  'who gives up while he waits for room leaves nothing behind: %i bytes',
  async (bytes) => {
    await using folder = await temporaryFolder();
    await using origin = await startOrigin((socket) =>
      send(socket, '200 OK', {}, 'x'.repeat(origin.requests.length < 3 ? BODY : bytes)),
    );
    await using fetching = await startFetching({ limits: { totalMs: 20_000 } });
    const room = new SourceRoom(folder.path, { workerBytes: 0, idleFiles: 0, diskBytes: BODY });
    const [first, second, third] = [room.part(), room.part(), room.part()];
    await fetching.fetcher.fetch(`${origin.url}/`, first, never);
    await fetching.fetcher.fetch(`${origin.url}/`, second, never);
    const controller = new AbortController();
    const waiting = fetching.fetcher.fetch(`${origin.url}/`, third, controller.signal);
    await until(async () => (await readdir(folder.path)).length === 3);
    setImmediate(() => controller.abort(new Error('canceled')));
    await expect(waiting).rejects.toThrow('canceled');
    await Promise.all([first, second, third].map((part) => part.leave()));
    expect(await readdir(folder.path)).toEqual([]);
    await fetching.fetcher.fetch(`${origin.url}/`, third, never);
    await third.leave();
  },
);

it('who gives up while he writes does not wait for room for the rest', async () => {
  await using folder = await temporaryFolder();
  const room = new SourceRoom(folder.path, { workerBytes: 0, idleFiles: 0, diskBytes: 300_000 });
  const [other, part] = [room.part(), room.part()];
  const spool = new Spool(await part.file(), part);
  // The first block is being written, the second one is full; the other has taken all that is left, and more.
  spool.add(Buffer.alloc(BLOCK_BYTES));
  spool.add(Buffer.alloc(BLOCK_BYTES));
  expect(other.takeDisk(500_000)).toBe(true);
  await spool.discard();
  await Promise.all([part.leave(), other.leave()]);
  expect(await readdir(folder.path)).toEqual([]);
});

it('room that is given back goes to who has waited longest, and to one more', async () => {
  const room = new DiskRoom(100);
  const [a, b, c, d] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }];
  expect([room.take(a, 90), room.take(b, 20), room.take(b, 500), room.take(c, 20)]).toEqual([
    true,
    true,
    true,
    false,
  ]);
  const admitted: string[] = [];
  const controller = new AbortController();
  const waits = [
    room.wait(c, 20, never).then(() => admitted.push('c')),
    room.wait(d, 90, controller.signal).then(() => admitted.push('d')),
    room.wait(a, 60, never).then(() => admitted.push('a')),
  ];
  room.giveAll(b, 520);
  await waits[0];
  // Of 10 left, `c` has taken 20 and may go on; the others have to wait for it.
  expect([admitted, room.take(c, 50), room.take(d, 1)]).toEqual([['c'], true, false]);
  controller.abort(new Error('canceled'));
  await expect(waits[1]).rejects.toThrow('canceled');
  room.giveAll(c, 70);
  await waits[2];
  expect(admitted).toEqual(['c', 'a']);
});
