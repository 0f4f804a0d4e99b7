import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { Pulling } from '../../../src/log/jetstream/pulling.ts';
import { fillLog } from '../../support/large-log.ts';
import { TestLog } from '../../support/nats.ts';

it('One consumer hands out a long log in many requests, and goes on with what comes later', async () => {
  await using server = await TestLog.start();
  const { log, connection } = await server.open();
  await fillLog(log, { ended: 600 });
  const closing = new AbortController();
  const options = { stream: 'TASKS', after: 0, filters: [], signal: closing.signal };
  const pulling = await Pulling.open(connection, await jetstreamManager(connection), options);
  const taken: (number | 'lost')[] = [];
  const takeUpTo = async (last: number): Promise<void> => {
    while (taken.at(-1) !== last && taken.at(-1) !== 'lost') {
      const arrival = await pulling.take();
      taken.push(...(arrival ? arrival.pulled.map(({ seq }) => seq) : ['lost' as const]));
    }
  };
  await takeUpTo(1_800);
  await fillLog(log, { ended: 600 });
  await takeUpTo(3_600);
  closing.abort();
  expect(taken).toEqual(Array.from({ length: 3_600 }, (_, index) => index + 1));
});
