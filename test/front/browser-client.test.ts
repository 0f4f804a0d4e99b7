import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { BrowserClient } from './browser-client.ts';
import { hello, historyOf, sleep, thumb } from './support.ts';

let service: Service;
beforeAll(async () => {
  const api_keys = [{ key: 'shop-api-key', referrers: ['shop.example'] }];
  service = await Service.startFor([{ name: 'shop', secret: 'shop-secret', api_keys }]);
});
afterAll(() => service[Symbol.asyncDispose]());

const client = (page = 'https://shop.example', apiKey = 'shop-api-key') =>
  new BrowserClient({ url: service.url, apiKey, page, metas: { page: 'cart', visit: 7 } });

describe('The client of web pages works unchanged', () => {
  test('with one task', async () => {
    expect(await client().run([hello()])).toMatchObject([{ status: 'success', result: 'Hello John' }]);
  });

  test('with many tasks, whose results keep the order of their definitions', async () => {
    const definitions = [sleep(0.4, 4), hello('a'), thumb(service), { task_name: 'hello' }, hello('b')];
    const statuses = await client().run(definitions);
    expect(statuses.map(({ status }) => status)).toEqual([
      'success',
      'success',
      'success',
      'error',
      'success',
    ]);
    expect(statuses.map(({ result }) => result)).toEqual([
      { slept: 0.4 },
      'Hello a',
      expect.objectContaining({ width: 60, output: expect.stringContaining('/files/') }),
      { parameters: { name: ['this field is required'] } },
      'Hello b',
    ]);
  });

  test('polls with all keys until all are done', async () => {
    const page = client();
    const statuses = await page.run([sleep(0.3), hello()]);
    const polls = page.calls.filter(({ path }) => path === '/v1/status');
    expect(polls.length).toBeGreaterThan(0);
    for (const { keys } of polls) expect(keys).toEqual(statuses.map(({ key }) => key));
  });

  test('and its task_metas are kept with each task', async () => {
    const statuses = await client().run([hello(), hello()]);
    for (const { key } of statuses)
      expect((await historyOf(service, key))[0]?.data.task_metas).toEqual({ page: 'cart', visit: 7 });
  });

  test('while many pages do the same at once', async () => {
    const pages = Array.from({ length: 30 }, (_, index) => client().run([hello(`p${index}`), sleep(0.05)]));
    for (const [index, [greeting]] of (await Promise.all(pages)).entries())
      expect(greeting?.result).toBe(`Hello p${index}`);
  });

  test('but not from another site, nor with another key', async () => {
    await expect(client('https://shop.example.evil.test').run([hello()])).rejects.toThrow('answered 401');
    await expect(client(undefined, 'other-key').run([hello()])).rejects.toThrow('answered 401');
  });
});
