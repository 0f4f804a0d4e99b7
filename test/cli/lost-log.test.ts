import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { create, endOf, untilAllEnded } from '../support/histories.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

test('a service whose log is lost says so loudly, and starts anew by itself on an empty one', {
  timeout: 90_000,
}, async () => {
  await using service = await Service.start();
  const before = await create(
    service,
    Array.from({ length: 30 }, () => ({ task_name: 'hello', name: 'from before' })),
  );
  await untilAllEnded(service, before);
  const [open] = (await create(service, [{ task_name: 'sleep', seconds: 600, steps: 0 }])) as [string];
  // The supervisor must not start the server again before its store is gone.
  process.kill(service.pid, 'SIGSTOP');
  process.kill(service.processes('nats-server')[0]?.pid as number, 'SIGKILL');
  await rm(join(service.dataDir, 'nats', 'store'), { recursive: true });
  process.kill(service.pid, 'SIGCONT');
  // A worker that starts makes a log where there is none; otherwise the front would wait 12 s for the old one.
  process.kill(service.processes('worker')[0]?.pid as number, 'SIGKILL');

  await until(
    () => /starting anew on what is there, acknowledged tasks may be lost/.test(service.output()),
    40_000,
  );
  const after = await until(
    () => create(service, [{ task_name: 'hello', name: 'from after' }]).catch(() => undefined),
    30_000,
  );
  expect((await untilAllEnded(service, after, 30_000)).map(endOf)).toEqual(['completed']);
  await service.untilReady();
  for (const key of [before[0], open])
    expect((await service.fetch(`/v1/status?tasks=${key}`)).status).toBe(404);
});
