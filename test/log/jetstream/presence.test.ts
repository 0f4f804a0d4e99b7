import { expect, test } from 'vitest';
import { natsPresence } from '../../../src/log/jetstream/presence.ts';
import type { WorkerReport } from '../../../src/log/presence.ts';
import { TestLog } from '../../support/nats.ts';
import { until } from '../../support/until.ts';

test('a worker is heard of by who begins to listen after it has announced itself', async () => {
  await using server = await TestLog.start();
  const [worker, front] = await Promise.all([server.open(), server.open()]);
  const report = { worker: 'vm-1', tasks: ['hello'], full: [] };
  const own = natsPresence(worker.connection);
  own.onListener(() => own.announce(report));
  own.announce(report);
  await worker.connection.flush();
  const heard: WorkerReport[] = [];
  natsPresence(front.connection).listen({ heard: (said) => heard.push(said), gone() {} });
  expect(await until(() => heard[0])).toEqual(report);
});
