import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import { type FetchOne, fetchSources } from '../../../src/worker/source/sources.ts';
import { until } from '../../support/until.ts';

const never = new AbortController().signal;
const urls = (count: number) => Array.from({ length: count }, (_, index) => `http://example.com/${index}`);
const source = (url: string, bytes = 1) => ({ url, path: `/spool/${encodeURIComponent(url)}`, bytes });

describe('the sources of a task', () => {
  it('come in the order that they were named, and one that is named twice is fetched once', async () => {
    const asked: string[] = [];
    const fetchOne: FetchOne = async (url) => {
      asked.push(url);
      return source(url);
    };
    const [a, b] = ['http://example.com/a', 'http://example.com/b'];
    const sources = await fetchSources([b, a, b, b, a], fetchOne, never);
    expect(sources.map(({ url }) => url)).toEqual([b, a, b, b, a]);
    expect(asked.sort()).toEqual([a, b]);
    expect(new Set(sources.map(({ path }) => path)).size).toBe(2);
  });

  it('are fetched six at a time', async () => {
    const open: (() => void)[] = [];
    let most = 0;
    const fetchOne: FetchOne = async (url) => {
      await new Promise<void>((resolve) => {
        most = Math.max(most, open.push(resolve));
      });
      return source(url);
    };
    const all = fetchSources(urls(20), fetchOne, never);
    for (let left = 20; left > 0; left -= 1) (await until(() => open.shift()))();
    expect(await all).toHaveLength(20);
    expect(most).toBe(6);
  });

  it('fail as the first that fails, which ends the others, and asks for no more', async () => {
    const failure = new TaskFailure("File 'http://example.com/3' answered 404");
    let asked = 0;
    let ended = 0;
    const fetchOne: FetchOne = async (url, signal) => {
      asked += 1;
      if (url.endsWith('/3')) {
        await until(() => asked === 6);
        throw failure;
      }
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await new Promise(setImmediate);
      ended += 1;
      throw signal.reason;
    };
    await expect(fetchSources(urls(100), fetchOne, never)).rejects.toBe(failure);
    expect([asked, ended]).toEqual([6, 5]);
  });

  it('stop when the attempt does', async () => {
    const stop = new AbortController();
    const fetchOne: FetchOne = (_url, signal) => {
      stop.abort(new Error('canceled'));
      return Promise.reject(signal.reason);
    };
    await expect(fetchSources(urls(9), fetchOne, stop.signal)).rejects.toThrow('canceled');
  });

  it('may have 500 MB together', async () => {
    const heavy: FetchOne = async (url) => source(url, 50_000_000);
    await expect(fetchSources(urls(10), heavy, never)).resolves.toHaveLength(10);
    await expect(fetchSources(urls(11), heavy, never)).rejects.toMatchObject({
      message: expect.stringMatching(
        /^File 'http:\/\/example.com\/\d+' is one too many: the files of a task may have 500 MB together$/,
      ),
      passing: false,
    });
  });
});
