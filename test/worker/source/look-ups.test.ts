import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../src/deferred.ts';
import { LookUps, type Resolver } from '../../../src/worker/source/look-ups.ts';
import { PATIENT, startFetching } from './fetching.ts';
import { send, startOrigin } from './origin.ts';

/**
 * The system's look-up with so many threads: who is called while all are taken waits for one, first come, first served,
 * whatever becomes of who asked. Names below `dead.example` keep theirs until `end`.
 */
function threads(count: number) {
  const asked: string[] = [];
  const queue: (() => void)[] = [];
  const { promise: ended, resolve: end } = deferred<void>();
  let free = count;
  const resolver: Resolver = async (name) => {
    asked.push(name);
    if (free === 0) await new Promise<void>((resolve) => queue.push(resolve));
    else free -= 1;
    if (/\bdead\.example$/.test(name)) await ended;
    const next = queue.shift();
    if (next) next();
    else free += 1;
    return ['127.0.0.1'];
  };
  return { resolver, asked, end };
}

describe('look-ups', () => {
  it('of a domain whose name server is dead keep no other waiting', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'here'));
    const { resolver } = threads(4);
    await using fetching = await startFetching({ limits: PATIENT, resolver, lookUpsAtOnce: 4 });
    const controller = new AbortController();
    const dead = Array.from({ length: 30 }, (_, index) =>
      fetching.rejection(`http://n${index}.dead.example/`, controller.signal),
    );
    expect(await fetching.text(`http://a.alive.example:${origin.port}/`)).toBe('here');
    expect(await fetching.text(`http://alive.test:${origin.port}/`)).toBe('here');
    controller.abort();
    await Promise.all(dead);
  });

  it('of one name are one, for all who ask meanwhile', async () => {
    const { resolver, asked, end } = threads(4);
    const lookUps = new LookUps(resolver, 4);
    const { signal } = new AbortController();
    const begun = vi.fn();
    const found = Array.from({ length: 9 }, () => lookUps.find('dead.example', signal, begun));
    end();
    expect(await Promise.all(found)).toEqual(Array(9).fill(['127.0.0.1']));
    expect(begun).toHaveBeenCalledTimes(9);
    expect(asked).toEqual(['dead.example']);
  });

  it('that nobody waits for any more are not begun', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'here'));
    const { resolver, asked, end } = threads(1);
    await using fetching = await startFetching({ limits: PATIENT, resolver, lookUpsAtOnce: 1 });
    const first = fetching.text(`http://dead.example:${origin.port}/`);
    await vi.waitUntil(() => asked.length > 0);
    const controller = new AbortController();
    const second = fetching.rejection('http://second.test/', controller.signal);
    const third = fetching.text(`http://third.test:${origin.port}/`);
    controller.abort();
    await second;
    end();
    expect(await Promise.all([first, third])).toEqual(['here', 'here']);
    expect(asked).toEqual(['dead.example', 'third.test']);
  });

  it('that wait for others take nothing of the time for connecting', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'here'));
    const { resolver, asked, end } = threads(1);
    const limits = { ...PATIENT, connectMs: 300 };
    await using fetching = await startFetching({ limits, resolver, lookUpsAtOnce: 1 });
    const dead = fetching.failure('http://dead.example/');
    await vi.waitUntil(() => asked.length > 0);
    const other = fetching.text(`http://other.test:${origin.port}/`);
    expect(await dead).toBe("(passing) File 'http://dead.example/' could not be reached within 0.3 s");
    end();
    expect(await other).toBe('here');
  });

  it('that wait end with the time of the whole', async () => {
    const { resolver, asked } = threads(1);
    const limits = { ...PATIENT, totalMs: 300 };
    await using fetching = await startFetching({ limits, resolver, lookUpsAtOnce: 1 });
    const dead = fetching.failure('http://dead.example/');
    await vi.waitUntil(() => asked.length > 0);
    expect(await fetching.failure('http://other.test/')).toBe(
      "(passing) File 'http://other.test/' could not be fetched within 0.3 s",
    );
    await dead;
  });
});
