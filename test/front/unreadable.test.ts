import { jetstream } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { connectToLogOf } from '../support/raw-log.ts';
import { Service } from '../support/service.ts';

test('a history of which a record cannot be read says so, and not that the log is away', async () => {
  await using service = await Service.start();
  const connection = await connectToLogOf(service.dataDir);
  const key = newKey();
  const { seq } = await jetstream(connection).publish(`task.queued.hello.${key}.0`, '{"v":99}');
  await connection.close();
  for (const path of [`/v1/history?task=${key}`, `/v1/status?tasks=${key}`]) {
    const response = await fetch(service.url + path, {
      headers: { Authorization: `Secret ${service.secret}` },
    });
    expect(response.status).toBe(500);
    expect(await response.text()).toContain(`event ${seq} has version 99`);
  }
});
