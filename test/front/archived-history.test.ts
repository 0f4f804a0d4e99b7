import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashOf, type StoredEvent } from '../../src/log/envelope.ts';
import { eventDate } from '../../src/log/event-date.ts';
import { newKey } from '../../src/log/key.ts';
import { seal, stamped } from '../../src/log/seal.ts';
import { until } from '../support/until.ts';
import { type Account, HistoryStage, seqsOf } from './history-stream-support.ts';
import { hello, type Status, sleep } from './support.ts';

let stage: HistoryStage;
beforeAll(async () => {
  stage = await HistoryStage.open({ ARCHIVE_DAYS: '30' });
});
afterAll(() => stage[Symbol.asyncDispose]());

const historyOf = async (account: Account, key: string): Promise<{ status: number; text: string }> => {
  const headers = { Authorization: `Secret ${account}-secret` };
  const response = await fetch(`${stage.service.url}/v1/history?task=${key}`, { headers });
  return { status: response.status, text: await response.text() };
};

/** Waits until the archive has everything, and lets the log have nothing. */
async function letGoOfAll(): Promise<void> {
  const { last } = await stage.log.extent();
  await until(async () => ((await stage.log.upkeep.archive())?.through ?? 0) >= last);
  await stage.log.upkeep.letGo(last + 1);
}

test('what came late, long after the end and among many others, is in the history of an archived task', async () => {
  const [task] = (await stage.create('acme', hello())) as [Status];
  const shard = task.key.slice(-2);
  const others = Array.from({ length: 120 }, () =>
    seal(
      { name: 'nobody.knows', key: `${newKey().slice(0, 24)}${shard}` },
      { type: 'queued', at: eventDate(), account: 'acme', task: { task_name: 'nobody.knows' } },
    ),
  );
  await stage.log.appendAll(others);
  const end = (await stage.log.history(task.key)).at(-1) as StoredEvent;
  const said = stamped({ type: 'progress', attempt: 1, progress: 99 }, eventDate(), 'acme');
  const late = await stage.log.append(seal(end, said, hashOf(end.bytes)));
  await letGoOfAll();

  const history = JSON.parse((await historyOf('acme', task.key)).text) as { seq: number; late?: boolean }[];
  expect(history.at(-1)).toMatchObject({ seq: late, late: true });
  const lines = await stage.read('acme', `tasks=${task.key}`);
  expect(seqsOf(lines)).toEqual(seqsOf(history as never));
  expect(lines.at(-1)).toMatchObject({ seq: late, late: true });
});

test('a task that only the archive has keeps its history, and its place in the feeds, for who may read them', async () => {
  const [task] = (await stage.create('acme', sleep(0.1, 2))) as [Status];
  await stage.create('globex', hello());
  const told = await historyOf('acme', task.key);
  expect(told.status).toBe(200);
  const accounts = ['acme', 'globex', 'audit'] as const;
  const feeds = await Promise.all(accounts.map((account) => stage.read(account)));
  const { last } = await stage.log.extent();
  await letGoOfAll();

  expect(await historyOf('acme', task.key)).toEqual(told);
  expect(await historyOf('audit', task.key)).toEqual(told);
  expect(await historyOf('globex', task.key)).toMatchObject({ status: 404 });
  expect(await Promise.all(accounts.map((account) => stage.read(account)))).toEqual(feeds);

  // Whoever was cut off in what is archived goes on from there into what happens.
  const lastId = feeds[2]?.[1]?.seq as number;
  const following = await stage.follow('audit', '', { 'Last-Event-ID': String(lastId) });
  await stage.create('acme', hello());
  const missed = seqsOf(feeds[2] ?? []).filter((seq) => seq > lastId);
  await until(() => following.lines.length >= missed.length + 3);
  expect(seqsOf(following.lines)).toEqual([...missed, last + 1, last + 2, last + 3]);
  following.leave();
});
