import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

  test('whoever has no secret', async () => {
    const url = `${stage.service.url}/v1/history_stream`;
    const apiKey = { Authorization: 'Api-Key acme-api-key', Referer: 'https://example.com/' };
    expect(await errorsOf(await fetch(url), 401)).toHaveLength(1);
    expect(await errorsOf(await fetch(url, { headers: apiKey }), 401)).toMatchObject([{ name: 'secret' }]);
    expect((await fetch(`${url}?secret=acme-secret`)).status).toBe(200);
  });
});
