import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CREATE_MEMORY_MS,
  type CreateName,
  type NewCreateRecord,
  type Submission,
} from '../../src/log/creates.ts';
import { eventDate, formatDate, nowMicros } from '../../src/log/event-date.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { type Append, LogConflict } from '../../src/log/log.ts';
import type { Entry } from '../../src/log/reading.ts';
import { seal } from '../../src/log/seal.ts';
import { queued } from '../actors/events.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';

let server: TestLog;
let one: JetStreamLog;
let two: JetStreamLog;
beforeAll(async () => {
  server = await TestLog.start();
  one = (await server.open()).log;
  two = (await server.open()).log;
});
afterAll(() => server[Symbol.asyncDispose]());

const entriesOf = (count: number): Append[] =>
  Array.from({ length: count }, () => seal({ name: 'hello', key: newKey() }, queued()));
const keysOf = ({ entries }: Submission): string[] => entries.map(({ key }) => key);
const areStored = async ({ entries }: Submission): Promise<boolean[]> =>
  Promise.all(entries.map(async ({ key }) => (await one.history(key)).length > 0));

let count = 0;
const newName = (): CreateName => ({ account: 'acme', idempotencyKey: `create ${count++}` });

function named(name: CreateName, after = 0, at = eventDate()): Submission {
  const entries = entriesOf(2);
  const keys = entries.map(({ key }) => key);
  return { entries, records: [{ ...name, after, at, digest: 'b0d1', keys }] };
}

describe('a named create', () => {
  it('is found by everyone as soon as its tasks are stored, and not before', async () => {
    const name = newName();
    expect(await two.findCreate(name)).toEqual({ record: undefined, after: 0 });
    const submission = named(name);
    const { seq } = await one.submit(submission);
    const [{ at, digest, keys }] = submission.records as [NewCreateRecord];
    expect(await two.findCreate(name)).toMatchObject({ record: { at, digest, keys }, after: seq + 1 });
    expect(await two.findCreate({ ...name, account: 'globex' })).toMatchObject({ record: undefined });
  });

  it('is stored once, however many try at the same time; of the others nothing is', async () => {
    const name = newName();
    const submissions = Array.from({ length: 30 }, () => named(name));
    const results = await Promise.allSettled(
      submissions.map((submission, index) => (index % 2 ? one : two).submit(submission)),
    );
    const won = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(won).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(LogConflict);
    const winner = submissions[won[0] as number] as Submission;
    expect((await two.findCreate(name)).record?.keys).toEqual(keysOf(winner));
    for (const submission of submissions)
      expect(new Set(await areStored(submission))).toEqual(new Set([submission === winner]));
  });

  it('is forgotten after its time, and then another may take its name', async () => {
    const name = newName();
    const longAgo = formatDate(nowMicros() - (CREATE_MEMORY_MS + 1_000) * 1_000);
    const { seq } = await one.submit(named(name, 0, longAgo));
    const found = await two.findCreate(name);
    expect(found).toEqual({ record: undefined, after: seq + 1 });
    const next = named(name, found.after);
    await two.submit(next);
    expect((await one.findCreate(name)).record?.keys).toEqual(keysOf(next));
  });
});

describe('a turn', () => {
  it('follows the one that it names, and is not stored if there was another', async () => {
    expect(await one.lastTurn('narrow')).toEqual({ seq: 0, end: 0 });
    const first = await one.submit({
      entries: entriesOf(3),
      records: [],
      turn: { account: 'narrow', after: 0 },
    });
    expect(first).toEqual({ seq: first.seq, turn: { seq: first.seq - 3, end: first.seq } });
    expect(await two.lastTurn('narrow')).toEqual(first.turn);
    const late = { entries: entriesOf(1), records: [], turn: { account: 'narrow', after: 0 } };
    await expect(two.submit(late)).rejects.toBeInstanceOf(LogConflict);
    expect(await areStored(late)).toEqual([false]);
    const { turn } = await two.submit({ ...late, turn: { account: 'narrow', after: first.turn.seq } });
    expect(await one.lastTurn('narrow')).toEqual(turn);
    expect(await one.lastTurn('wide')).toEqual({ seq: 0, end: 0 });
  });

  it('can be that of several creates, named and others', async () => {
    const [first, second] = [named(newName()), named(newName())];
    const { seq, turn } = await one.submit({
      entries: [...first.entries, ...second.entries, ...entriesOf(1)],
      records: [...first.records, ...second.records],
      turn: { account: 'with names', after: 0 },
    });
    expect(turn).toEqual({ seq: seq - 5, end: seq });
    expect(await one.lastTurn('with names')).toEqual(turn);
    for (const { records } of [first, second])
      expect((await two.findCreate(records[0] as NewCreateRecord)).record?.keys).toEqual(records[0]?.keys);
  });
});

describe('the records on which creates depend', () => {
  it('are passed over by who follows the log', async () => {
    const seen: string[] = [];
    const following = await one.follow({
      after: 0,
      onEvent: ({ key }) => seen.push(key),
      onUnreadable: (error) => {
        throw error;
      },
    });
    await following.caughtUp;
    const submission = { ...named(newName()), turn: { account: 'followed', after: 0 } };
    await two.submit(submission);
    const keys = keysOf(submission);
    await until(() => seen.at(-1) === keys.at(-1));
    expect(seen.slice(-2)).toEqual(keys);
    await following.close();
  });

  it('are passed over by who reads the log', async () => {
    const submission = { ...named(newName()), turn: { account: 'read', after: 0 } };
    const { turn } = await one.submit(submission);
    const reading = one.read({
      after: turn.seq - 1,
      through: turn.end,
      signal: new AbortController().signal,
    });
    const entries: Entry[] = [];
    for await (const page of reading) entries.push(...page.entries);
    expect(entries).toMatchObject(keysOf(submission).map((key) => ({ key, type: 'queued' })));
  });

  it('remember a named create when the log has let go of it', async () => {
    const name = newName();
    const submission = named(name);
    await one.submit(submission);
    const manager = await jetstreamManager((await server.open()).connection);
    const isCopied = async () => (await manager.streams.info('REQUESTS')).state.messages >= 4;
    await until(isCopied);
    await manager.streams.purge('TASKS');
    expect(await two.findCreate(name)).toMatchObject({ record: { keys: keysOf(submission) }, after: 0 });
    expect(await two.lastTurn('narrow')).toEqual({ seq: 0, end: 0 });
  });
});
