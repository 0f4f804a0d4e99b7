import { afterEach, expect, it, vi } from 'vitest';
import { Impatience, patiently, type ReaderParts } from '../../../src/log/jetstream/patience.ts';
import type { Logger } from '../../../src/logger.ts';

const end = new AbortController();
afterEach(() => {
  end.abort();
  vi.restoreAllMocks();
});

it('says of all readers together that they wait for the log: after 5 s, and once a minute from then on', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  const warn = vi.fn();
  const logger = { warn } as unknown as Logger;
  const parts = { impatience: new Impatience(), logger } as unknown as ReaderParts;
  const ask = vi.fn(() => Promise.reject(new Error('away')));
  for (let reader = 0; reader < 5; reader++) void patiently(parts, ask, end.signal);
  const toldAt = async (ms: number) => {
    now.mockReturnValue(ms);
    ask.mockClear();
    await vi.waitFor(() => expect(ask.mock.calls.length).toBeGreaterThan(10), 5_000);
    return warn.mock.calls.length;
  };
  expect(await toldAt(4_900)).toBe(0);
  expect(await toldAt(5_100)).toBe(1);
  expect(await toldAt(60_000)).toBe(1);
  expect(await toldAt(65_200)).toBe(2);
});
