import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { historyStream } from '../../src/front/endpoints/history-stream.ts';
import type { Exchange } from '../../src/front/exchange.ts';
import type { FrontParts } from '../../src/front/front-parts.ts';
import { HistoryStage } from './history-stream-support.ts';
import { errorsOf, problem, UNKNOWN_KEY } from './support.ts';

let stage: HistoryStage;
beforeAll(async () => {
  stage = await HistoryStage.open({ WORKERS: '0' });
});
afterAll(() => stage[Symbol.asyncDispose]());

describe('GET /v1/history_stream refuses', () => {
  test.each([
    ['from=soon', 'from', 'from must be the seq of an event or an ISO 8601 date'],
    ['from=', 'from', 'from must be the seq of an event or an ISO 8601 date'],
    ['from=-1', 'from', 'from must be the seq of an event or an ISO 8601 date'],
    ['from=1.5', 'from', 'from must be the seq of an event or an ISO 8601 date'],
    ['from=1e3', 'from', 'from must be the seq of an event or an ISO 8601 date'],
    ['from=99999999999999999999', 'from', 'from must be the seq of an event or an ISO 8601 date'],
    ['until=2026-02-30', 'until', 'until must be the seq of an event or an ISO 8601 date'],
    ['until=2026-13-01T00:00:00Z', 'until', 'until must be the seq of an event or an ISO 8601 date'],
    ['from=9&until=8', 'until', 'until lies before from'],
    ['from=2026-01-02&until=2026-01-01', 'until', 'until lies before from'],
    ['follow=yes', 'follow', 'follow must be true, false, 1 or 0'],
    ['format=xml', 'format', "format must be 'cloudevents'"],
    ['tasks=*', 'tasks', 'tasks is not a task key'],
    [`tasks=${UNKNOWN_KEY}&tasks=%3E`, 'tasks[1]', 'tasks[1] is not a task key'],
    [
      `tasks=${Array(1_001).fill(UNKNOWN_KEY).join('&tasks=')}`,
      'tasks',
      'tasks has 1001 keys, the limit is 1000',
    ],
    [
      'types=done',
      'types',
      "'done' is not a type of events, choose one of: 'queued', 'started', 'progress', 'retried', 'completed', 'failed', 'canceled'",
    ],
  ])('%s', async (query, name, description) => {
    expect(await errorsOf(await stage.ask('acme', query))).toEqual([problem(name, description, 'query')]);
  });

  test('a Last-Event-ID that is none, and says all that is wrong at once', async () => {
    const response = await stage.ask('acme', 'from=x&types=y&follow=z', { 'Last-Event-ID': 'soon' });
    expect((await errorsOf(response)).map(({ name, location }) => `${location} ${name}`)).toEqual([
      'query from',
      'header Last-Event-ID',
      'query follow',
      'query types',
    ]);
  });

  test('who goes on behind the end of the log, which is not the one that was read then', async () => {
    await stage.create('acme', { task_name: 'hello', name: 'John' }, false);
    const { last } = await stage.log.extent();
    const why = `is beyond the newest event of the log, ${last}: the log was made anew, or lost events, since that was told`;
    const ask = (query: string, id = '') =>
      stage.ask('acme', query, { Accept: 'text/event-stream', 'Last-Event-ID': id });
    const [byId, byFrom] = await Promise.all([
      ask('follow=true&from=1', String(last + 1)),
      ask(`follow=true&from=${last + 2}`),
    ]);
    expect(await errorsOf(byId)).toEqual([problem('Last-Event-ID', `Last-Event-ID ${why}`, 'header')]);
    expect(await errorsOf(byFrom)).toEqual([problem('from', `from ${why}`, 'query')]);
    for (const answer of await Promise.all([
      ask(`from=${last + 1}`),
      ask('from=1', String(last)),
      ask(`from=${last + 2}`, String(last)),
    ]))
      expect(answer.status).toBe(200);
  });

  test('whoever has no secret', async () => {
    const url = `${stage.service.url}/v1/history_stream`;
    const apiKey = { Authorization: 'Api-Key acme-api-key', Referer: 'https://example.com/' };
    expect(await errorsOf(await fetch(url), 401)).toHaveLength(1);
    expect(await errorsOf(await fetch(url, { headers: apiKey }), 401)).toMatchObject([{ name: 'secret' }]);
    expect((await fetch(`${url}?secret=acme-secret`)).status).toBe(200);
  });
});

test.each([
  { says: 'asks again', folded: 5, through: 20, looks: 2 },
  { says: 'takes the fold at its word', folded: 18, through: 18, looks: 1 },
])(
  'GET /v1/history_stream $says where the log seems to end before what was told of it',
  async ({ folded, through, looks }) => {
    const ends = [10, 20];
    const open = vi.fn();
    const extent = vi.fn(async () => ({ first: 1, held: 1, last: ends.shift() }));
    const parts = {
      config: { MAX_TASKS: 10 },
      accounts: { authenticate: () => ({ ok: true, account: { name: 'acme' } }) },
      log: { extent },
      projection: { seq: folded },
      historyFeeds: { open },
    } as unknown as FrontParts;
    const headers = new Map([['last-event-id', '15']]);
    const head = { query: 'secret=acme-secret', header: (name: string) => headers.get(name) ?? '' };
    await historyStream(parts, { head } as unknown as Exchange);
    expect(open).toHaveBeenCalledOnce();
    expect(open.mock.lastCall?.[1]).toMatchObject({ reading: { after: 15, through } });
    expect(extent).toHaveBeenCalledTimes(looks);
  },
);
