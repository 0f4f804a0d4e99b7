import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { writeAccounts } from '../support/service.ts';
import { until } from '../support/until.ts';
import {
  ACCOUNTS,
  type Account,
  type Following,
  HistoryStage,
  type Line,
  seqsOf,
} from './history-stream-support.ts';
import { gauge, hello, type Status, sleep } from './support.ts';

let stage: HistoryStage;
/** Names of the consumers that readers have. */
let consumers: () => Promise<string[]>;
beforeAll(async () => {
  stage = await HistoryStage.open({ CONCURRENCY: '10000' });
  const manager = await jetstreamManager(stage.connection);
  consumers = async () => {
    const all: string[] = [];
    for await (const { name } of manager.consumers.list('TASKS')) all.push(name);
    return all.filter((name) => name.startsWith('reader_'));
  };
});
afterAll(() => stage[Symbol.asyncDispose]());

const untilSeq = (following: Following, seq: number) =>
  until(() => seqsOf(following.lines).includes(seq), 20_000);

describe('A reader that follows', () => {
  test('has what was there and what comes, without a seam, until it leaves', async () => {
    const before = await stage.read('acme', 'types=completed');
    const following = await stage.follow('acme', 'types=completed');
    const writing = Array.from({ length: 20 }, () => stage.create('acme', [hello(), hello()]));
    await Promise.all(writing);
    const lines = await stage.read('acme', 'types=completed');
    expect(lines.length).toBe(before.length + 40);
    await untilSeq(following, lines.at(-1)?.seq as number);
    expect(following.lines).toEqual(lines);
    following.leave();
  });

  test('from after the head has an answer at once, and then what comes', async () => {
    const { last } = await stage.log.extent();
    const following = await stage.follow('acme', `from=${last + 1}`);
    await stage.create('acme', hello());
    await until(() => following.lines.length >= 3);
    expect(following.lines.map(({ type }) => type)).toEqual(['queued', 'started', 'completed']);
    following.leave();
  });

  test('ends at until, whether that is a sequence or a date', async () => {
    const { last } = await stage.log.extent();
    const toSeq = await stage.follow('acme', `from=${last + 1}&until=${last + 2}`);
    const date = new Date(Date.now() + 1_500).toISOString();
    const toDate = await stage.follow('acme', `from=${last + 1}&until=${date}`);
    await stage.create('acme', hello());
    expect(await toSeq.closed).toBe('ended');
    expect(seqsOf(toSeq.lines)).toEqual([last + 1, last + 2]);
    expect(await toDate.closed).toBe('ended');
    expect(seqsOf(toDate.lines)).toEqual([last + 1, last + 2, last + 3]);
  });

  test('frees its consumer at once when it leaves, however it leaves', async () => {
    const before = new Set(await consumers());
    const added = async () => (await consumers()).filter((name) => !before.has(name)).length;
    const open = await gauge(stage.service, 'wyvern_open_history_feeds');
    const query = ['', 'types=failed', `tasks=${newKey()}`];
    const readers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => stage.follow('acme', query[index % query.length])),
    );
    await until(async () => (await added()) === 30);
    expect(await gauge(stage.service, 'wyvern_open_history_feeds')).toBe(open + 30);
    for (const reader of readers) reader.leave();
    await until(async () => (await added()) === 0, 5_000);
    await until(async () => (await gauge(stage.service, 'wyvern_open_history_feeds')) === open, 5_000);
  });

  test.each([
    ['its account is an auditor no more', [{ ...ACCOUNTS[3], auditor: false }]],
    ['its secret has been replaced', [{ ...ACCOUNTS[3], secret: 'another-secret' }]],
    ['another account has its secret', [{ ...ACCOUNTS[3], name: 'heir' }]],
    ['its account has been removed', []],
  ])('is cut when %s, and the others stay', async (_why, former) => {
    const secret = randomUUID();
    await writeAccounts(stage.service.accountsFile, ...ACCOUNTS, { name: 'new', secret });
    const url = `${stage.service.url}/v1/history_stream?secret=${secret}`;
    await until(async () => (await fetch(url)).ok);
    const [following, other] = await Promise.all([stage.follow('former'), stage.follow('audit')]);
    await writeAccounts(stage.service.accountsFile, ...ACCOUNTS.slice(0, 3), ...former);
    expect(await following.closed).toBe('cut');
    const [{ key = '' } = {}] = await stage.create('acme', hello());
    await until(() => other.lines.some((line) => line.key === key));
    other.leave();
  });
});

test('No account reads so much at once that there is no place for others, and it can again when one has left', {
  timeout: 60_000,
}, async () => {
  const open = async () => gauge(stage.service, 'wyvern_open_history_feeds');
  await until(async () => (await open()) === 0);
  const readers: Following[] = [];
  for (let opened = 0; opened < 750; opened += 50)
    readers.push(...(await Promise.all(Array.from({ length: 50 }, () => stage.follow('acme')))));
  const ask = () => stage.ask('acme', 'until=0');
  const refused = await ask();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(refused.headers.get('access-control-expose-headers'), 'pages may read it').toBe('Retry-After');
  expect(await refused.text()).toContain(
    '750 feeds of history of this account are open, which leaves 250 for others',
  );
  for (const account of ['globex', 'audit'] as const) readers.push(await stage.follow(account));
  for (const reader of readers.splice(0, 3)) reader.leave();
  await until(async () => (await ask()).ok);
  for (const reader of readers) reader.leave();
});

test('A feed from a date to come tells nothing before it, and all from then on', async () => {
  const [from = '', nearEnd = '', end = ''] = [1_000, 2_000, 2_500].map((ms) =>
    new Date(Date.now() + ms).toISOString().replace('Z', '000+00:00'),
  );
  const query = new URLSearchParams({ from, until: end });
  const following = await stage.follow('acme', String(query));
  let isOpen = true;
  void following.closed.then(() => {
    isOpen = false;
  });
  while (isOpen) await stage.create('acme', hello());
  expect(await following.closed).toBe('ended');
  // To a client that was slow it may end with a heartbeat.
  const told = following.lines.filter(({ heartbeat }) => !heartbeat);
  for (const { time } of told) expect(time >= from && time <= end).toBe(true);
  // What is dated within the last moments may stand in the log behind what is dated after the end.
  const asked = (await stage.read('acme')).filter(({ time }) => time >= from && time <= nearEnd);
  expect(asked.length).toBeGreaterThan(0);
  expect(told.slice(0, asked.length)).toEqual(asked);
});

describe('A reader that is cut off and takes up again while tasks are created', () => {
  test.each([
    ['from', 11],
    ['Last-Event-ID', 12],
  ])('with %s misses nothing and has nothing twice (seed %i)', async (way, seed) => {
    const random = seededRandom(seed);
    const { last } = await stage.log.extent();
    const told: Line[] = [];
    let isWriting = true;
    const writing = (async () => {
      while (isWriting) await stage.create('acme', [hello(), sleep(0, 3)]);
    })();
    for (let cut = 0; cut < 60; cut++) {
      const after = told.at(-1)?.seq ?? last;
      const following =
        way === 'from'
          ? await stage.follow('acme', `from=${after + 1}`)
          : await stage.follow('acme', 'from=1', { 'Last-Event-ID': String(after) });
      const enough = Math.floor(random() * 12);
      await until(() => following.lines.length >= enough, 20_000);
      following.leave();
      told.push(...following.lines);
    }
    isWriting = false;
    await writing;
    const rest = await stage.read('acme', `from=${(told.at(-1)?.seq ?? last) + 1}`);
    expect([...told, ...rest]).toEqual(await stage.read('acme', `from=${last + 1}`));
  });
});

describe('A log that lets go of its oldest events', () => {
  test('is told as a gap', async () => {
    const { last } = await stage.log.extent();
    const [{ key = '' } = {}] = await stage.create('acme', hello());
    const following = await stage.follow('acme', `from=${last + 1}`);
    await untilSeq(following, last + 3);
    const historyFor = (account: Account) =>
      fetch(`${stage.service.url}/v1/history?task=${key}&secret=${account}-secret`);
    const whole = (await (await historyFor('acme')).json()) as unknown[];
    const manager = await jetstreamManager(stage.connection);
    await manager.streams.purge('TASKS', { seq: last + 2 });
    const [first, ...rest] = await stage.read('acme', 'types=started&types=completed');
    expect(first).toEqual({ gap: { from: 1, to: last + 1 } });
    expect(rest.map(({ seq }) => seq)).toEqual([last + 2, last + 3]);
    expect(await stage.read('globex', `from=${last}&until=${last}`)).toEqual([
      { gap: { from: last, to: last } },
    ]);
    expect(following.lines.some(({ gap }) => gap)).toBe(false);
    const cut = await (await historyFor('acme')).json();
    expect(cut).toEqual([{ gap: { from: 1, to: last + 1 } }, ...whole.slice(1)]);
    expect(await (await historyFor('audit')).json()).toEqual(cut);
    expect((await historyFor('globex')).status).toBe(404);
    following.leave();
  });
});

describe('A reader under a nats-server that is killed', () => {
  test('stays, and has everything when it is back', async () => {
    const { last } = await stage.log.extent();
    const following = await stage.follow('acme', `from=${last + 1}`);
    await stage.create('acme', hello());
    await untilSeq(following, last + 3);
    const [server] = stage.service.processes('nats-server');
    process.kill(server?.pid as number, 'SIGKILL');
    const [created] = await until(() => stage.create('acme', hello()).catch(() => undefined), 20_000);
    const { key } = created as Status;
    await until(() => following.lines.some((line) => line.key === key && line.type === 'completed'), 20_000);
    const seqs = seqsOf(following.lines);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => last + 1 + index));
    following.leave();
  });
});
