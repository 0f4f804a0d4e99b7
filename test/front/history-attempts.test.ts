import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HistoryEvent } from '../support/histories.ts';
import { HttpOrigin } from '../support/http-origin.ts';
import { Service } from '../support/service.ts';
import { createOne, hello, historyOf, sampleUrl, thumb } from './support.ts';

let service: Service;
let origin: HttpOrigin;
beforeAll(async () => {
  // Serves a page where an image should be; all but one address fail the first time, for a passing reason.
  const asked = new Set<string | undefined>(['/page']);
  origin = await HttpOrigin.start(({ url }, response) => {
    response.statusCode = asked.has(url) ? 200 : 503;
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end('<html>');
    asked.add(url);
  });
  service = await Service.start({ FETCH_ALLOW: '127.0.0.1' });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

const spent = expect.objectContaining({
  queued: expect.any(Number),
  fetching: expect.any(Number),
  running: expect.any(Number),
  storing: expect.any(Number),
});
const last = (history: readonly HistoryEvent[], type: string) =>
  history.findLast((event) => event.type === type)?.data;

describe('A history', () => {
  test('says of an attempt that succeeded where its time went, and what its source was', async () => {
    const { key, events } = await createOne(service, thumb(service), true);
    const { data } = (await historyOf(service, key)).at(-1) as HistoryEvent;
    expect(data).toMatchObject({
      attempt: 1,
      spent: { ...spent.sample, waiting: expect.any(Number) },
      sources: [{ url: sampleUrl(service), content_type: 'image/jpeg', bytes: expect.any(Number) }],
    });
    const phases = Object.values(data.spent as Record<string, number>);
    for (const milliseconds of phases) expect(milliseconds).toBeGreaterThanOrEqual(0);
    const [queued, completed] = [Date.parse(events.queued), Date.parse(events.completed as string)];
    expect(phases.reduce((sum, milliseconds) => sum + milliseconds)).toBeLessThanOrEqual(
      completed - queued + 10,
    );
  });

  test('has no sources for a task that has none', async () => {
    const { key } = await createOne(service, hello(), true);
    const data = last(await historyOf(service, key), 'completed');
    expect(data).toEqual({ attempt: 1, result: 'Hello John', outputs: [], spent });
  });

  test('says of an attempt that failed what is known: a page where an image should be', async () => {
    const url = `${origin.url}/page`;
    const { key, result } = await createOne(service, thumb(service, { url }), true);
    expect(last(await historyOf(service, key), 'failed')).toEqual({
      attempt: 1,
      error: result,
      spent,
      sources: [{ url, bytes: 6, content_type: 'text/html' }],
    });
  });

  test('says of each attempt why another one followed, and when', async () => {
    const url = `${origin.url}/later`;
    const { key } = await createOne(service, thumb(service, { url }), true);
    const history = await historyOf(service, key);
    expect(history.map(({ type, data }) => [type, data.attempt])).toEqual([
      ['queued', undefined],
      ['started', 1],
      ['retried', 1],
      ['started', 2],
      ['failed', 2],
    ]);
    const retried = history[2] as HistoryEvent;
    expect(retried.data).toEqual({
      attempt: 1,
      reason: `File '${url}' answered 503`,
      next: expect.any(String),
      spent,
    });
    expect(Date.parse(retried.data.next as string)).toBeGreaterThanOrEqual(Date.parse(retried.time) - 10);
    expect(last(history, 'failed')).toMatchObject({ sources: [{ url, bytes: 6 }] });
  });
});
