import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  attemptsOf,
  create,
  endOf,
  type History,
  type HistoryEvent,
  untilAllEnded,
} from '../support/histories.ts';
import { HttpOrigin } from '../support/http-origin.ts';
import { gradient, pipeline } from '../support/picture.ts';
import { Service } from '../support/service.ts';

let service: Service;
let origin: HttpOrigin;
beforeAll(async () => {
  const picture = await pipeline(gradient(8, 8)).jpeg().toBuffer();
  const asked = new Set<string>();
  /** `/503/2` answers 503 the first time and asks to be left alone for 2 s; later it answers the picture. */
  origin = await HttpOrigin.start(({ url = '' }, response) => {
    const [, status = '', seconds] = url.split('/');
    if (status === 'never') return;
    if (asked.has(url) && status !== 'always500') return void response.end(picture);
    asked.add(url);
    response.writeHead(Number(status.slice(-3)), seconds === undefined ? {} : { 'Retry-After': seconds });
    response.end();
  });
  service = await Service.start({ FETCH_ALLOW: '127.0.0.1' });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

const info = async (path: string): Promise<string> => {
  const [key] = await create(service, [{ task_name: 'image.info', url: origin.url + path }]);
  return key as string;
};
const ended = async (key: string, timeoutMs = 20_000): Promise<History> => {
  const [history] = await untilAllEnded(service, [key], timeoutMs);
  return history as History;
};
const retriesOf = (history: History): HistoryEvent[] => history.filter(({ type }) => type === 'retried');
const waitOf = ({ time, data }: HistoryEvent): number => Date.parse(data.next as string) - Date.parse(time);
const at = (history: History, wanted: string): HistoryEvent =>
  history.find(({ type, data }) => `${type} ${data.attempt}` === wanted) as HistoryEvent;

describe('an attempt that fails for a passing reason', () => {
  test.concurrent.each([500, 503, 429, 408])(
    'such as a %i is followed by one that succeeds',
    async (status) => {
      const history = await ended(await info(`/${status}`));
      expect([endOf(history), attemptsOf(history)]).toEqual(['completed', [1, 2]]);
      const [retry] = retriesOf(history);
      expect(retry?.data.reason).toBe(`File '${origin.url}/${status}' answered ${status}`);
      expect(waitOf(retry as HistoryEvent)).toBeLessThanOrEqual(1_001);
    },
  );

  test.concurrent('is followed by the next when the source has asked for it', async () => {
    const history = await ended(await info('/503/2'));
    const [retry] = retriesOf(history) as [HistoryEvent];
    expect(waitOf(retry)).toBeGreaterThanOrEqual(1_999);
    expect(waitOf(retry)).toBeLessThanOrEqual(3_001);
    expect(at(history, 'started 2').time >= (retry.data.next as string)).toBe(true);
  });

  test.concurrent('ends the task after the third, with all of it in a sentence', async () => {
    const history = await ended(await info('/always500'));
    expect([endOf(history), attemptsOf(history)]).toEqual(['failed', [1, 2, 3]]);
    expect(history.at(-1)?.data.error).toBe(
      `File '${origin.url}/always500' answered 500; gave up after 3 attempts`,
    );
    for (const [index, retry] of retriesOf(history).entries())
      expect(waitOf(retry)).toBeLessThanOrEqual(1_001 * 2 ** index);
  });

  test.concurrent('such as its deadline counts too', { timeout: 60_000 }, async () => {
    await using hasty = await Service.start({ FETCH_ALLOW: '127.0.0.1', TASK_TIMEOUT: '1', ATTEMPTS: '2' });
    const keys = await create(hasty, [{ task_name: 'image.info', url: `${origin.url}/never` }]);
    const [history] = (await untilAllEnded(hasty, keys, 30_000)) as [History];
    expect(attemptsOf(history)).toEqual([1, 2]);
    expect(history.at(-1)?.data.error).toBe('the task took longer than 1 s; gave up after 2 attempts');
  });

  test.concurrent('unlike one that nothing would mend', async () => {
    const history = await ended(await info('/404'));
    expect([endOf(history), attemptsOf(history)]).toEqual(['failed', [1]]);
    expect(history.at(-1)?.data.error).toBe(`File '${origin.url}/404' answered 404`);
  });
});
