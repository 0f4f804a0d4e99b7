import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { FrontParts } from '../../src/front/front-parts.ts';
import { heldBytes } from '../../src/front/held-answers.ts';
import { pastWithDetails } from '../../src/front/status-details.ts';
import { StatusView } from '../../src/front/status-view.ts';

/** A log in which every key has a task of 2 MB, some of which take longer to be read. */
const log = {
  extent: async () => ({ last: 1 }),
  history: async (key: string) => {
    await delay(key.endsWith('0') ? 20 : 0);
    const task = { task_name: 'hello', name: 'x'.repeat(2_000_000) };
    const event = { type: 'queued', at: '2026-11-24T20:01:59.651812+00:00', account: 'acme', task };
    return [{ key, name: 'hello', seq: 1, event }];
  },
};

test('An answer that is refused while more of it is read is held no longer', async () => {
  const parts = { log, view: new StatusView('http://wyvern.example') } as unknown as FrontParts;
  const keys = Array.from({ length: 60 }, (_, index) => `key${index}`);
  const answer = pastWithDetails(parts, keys, { kind: 'seq', seq: 1 }, 'body');
  await expect(answer).rejects.toMatchObject({ status: 400 });
  await delay(100);
  expect(heldBytes()).toBe(0);
});
