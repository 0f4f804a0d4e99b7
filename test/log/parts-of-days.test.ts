import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { TestLog } from '../support/nats.ts';

test.each([
  ['0.7', '1.1'],
  ['1.1', '2.3'],
])('a log that keeps events for %s days, and its archive for %s, is made', async (log, archive) => {
  await using server = await TestLog.start({ RETENTION_DAYS: log, ARCHIVE_DAYS: archive });
  const manager = await jetstreamManager((await server.open()).connection);
  for (const [name, days] of [
    ['TASKS', log],
    ['ARCHIVE', archive],
  ] as const) {
    const { config } = await manager.streams.info(name);
    expect(config.max_age).toBe(Math.round(Number(days) * 86_400) * 1e9);
  }
  // Opened again it is found to be as it should.
  await server.open();
});
