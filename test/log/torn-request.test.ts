import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mendLog } from '../../src/cli/mending.ts';
import type { CreateName, Submission } from '../../src/log/creates.ts';
import { eventDate } from '../../src/log/event-date.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { streamFolder } from '../../src/log/jetstream/stream.ts';
import { newKey } from '../../src/log/key.ts';
import type { Append } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { storeOf } from '../../src/log/server/embedded-server.ts';
import { createLogger } from '../../src/logger.ts';
import { queued, started } from '../actors/events.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';
import { after } from './reading-support.ts';

let server: TestLog;
let log: JetStreamLog;
beforeEach(async () => {
  server = await TestLog.start();
  log = (await server.open()).log;
});
afterEach(() => server[Symbol.asyncDispose]());

const task = (): Append => seal({ name: 'hello', key: newKey() }, queued());
const name = { account: 'acme', idempotencyKey: 'pay once' };

/** A request of three tasks, with a name. */
function request(afterSeq = 0): Submission {
  const entries = [task(), task(), task()];
  const keys = entries.map(({ key }) => key);
  return { entries, records: [{ ...name, after: afterSeq, at: eventDate(), digest: 'b0d1', keys }] };
}

const typesOf = async ({ key }: Append): Promise<string[]> =>
  (await log.history(key)).map(({ event }) => event.type);

const blockFile = async (): Promise<string> => {
  const folder = join(streamFolder(storeOf(server.config)), 'msgs');
  const blocks = (await readdir(folder)).filter((file) => file.endsWith('.blk'));
  return join(folder, blocks.at(-1) as string);
};

/** Takes so many messages from the end of the log, as a power failure can that comes before they are on disk. */
async function loseTheLast(messages: number): Promise<void> {
  const { last } = await log.extent();
  await server.kill();
  const file = await blockFile();
  for (;;) {
    await truncate(file, (await stat(file)).size - 8);
    server.restart();
    const { log: again } = await server.open();
    log = again;
    if ((await until(() => log.extent().catch(() => undefined))).last <= last - messages) return;
    await server.kill();
  }
}

const mend = (): Promise<void> =>
  mendLog({ ...server.config, NATS_URL: server.url }, createLogger('test', server.config));

describe('A request of which a power failure left a beginning', () => {
  it('is not carried out: what is there of it is ended, and the rest of the log is as it was', async () => {
    const before = task();
    await log.append(before);
    const whole = request();
    await log.submit(whole);
    const torn = { ...request(4 + 1), entries: [task(), task(), task()] };
    await log.submit(torn);
    await loseTheLast(2);
    await mend();
    expect(await Promise.all(torn.entries.map(typesOf))).toEqual([
      ['queued', 'failed'],
      ['queued', 'failed'],
      [],
    ]);
    expect(await Promise.all([before, ...whole.entries].map(typesOf))).toEqual(Array(4).fill(['queued']));
  });

  it('leaves its name free, so the same request can be sent again', async () => {
    await log.submit(request());
    await loseTheLast(1);
    await mend();
    const { record, after: free } = await log.findCreate(name);
    expect(record).toBeUndefined();
    const again = request(free);
    await log.submit(again);
    expect((await log.findCreate(name)).record?.keys).toEqual(again.entries.map(({ key }) => key));
    await mend();
    expect(await Promise.all(again.entries.map(typesOf))).toEqual(Array(3).fill(['queued']));
  });
});

it('A log that ends with a whole request, or with a single event, is left as it is', async () => {
  const { entries } = request();
  await log.appendAll(entries);
  const { last } = await log.extent();
  await mend();
  const [first] = entries as [Append];
  await log.append(after(first, started(1)));
  await mend();
  expect((await log.extent()).last).toBe(last + 1);
});

it('Nothing is ended once others may write: a batch on its way would look the same', async () => {
  const torn = request();
  await log.submit(torn);
  await loseTheLast(1);
  await expect(log.endTornRequest(AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
  expect(await Promise.all(torn.entries.map(typesOf))).toEqual(Array(3).fill(['queued']));
});

it('A request that is there as a whole is carried out, beside another one that was cut off', async () => {
  const named = (idempotencyKey: string): Submission => {
    const { entries, records: requests } = request();
    return { entries, records: requests.map((record) => ({ ...record, idempotencyKey })) };
  };
  const both = [named('one'), named('other')];
  const stored = await Promise.all(both.map(async (each) => ({ each, seq: (await log.submit(each)).seq })));
  const [whole, torn] = stored.sort((a, b) => a.seq - b.seq).map(({ each }) => each) as [
    Submission,
    Submission,
  ];
  await loseTheLast(2);
  await mend();
  for (const entry of whole.entries) expect(await typesOf(entry)).toEqual(['queued']);
  const found = [whole, torn].map(({ records: [record] }) => log.findCreate(record as CreateName));
  expect((await Promise.all(found)).map(({ record }) => record?.keys.length)).toEqual([3, undefined]);
  expect(await typesOf(torn.entries[0] as Append)).toEqual(['queued', 'failed']);
});

it('A turn of which a power failure left a beginning ends where the log ends, so that the account can go on', async () => {
  const entries = Array.from({ length: 6 }, task);
  await log.submit({ entries, turn: { account: 'acme', after: 0 }, records: [] });
  await loseTheLast(5);
  await mend();
  const turn = await log.lastTurn('acme');
  const { last } = await log.extent();
  expect(turn).toEqual({ seq: 1, end: last });
  expect(
    (await log.submit({ entries: [task()], turn: { account: 'acme', after: 1 }, records: [] })).seq,
  ).toBe(last + 2);
});
