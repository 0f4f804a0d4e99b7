import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { orCannotStart } from '../../../src/cli/log-connection.ts';
import { CannotStart } from '../../../src/cli/terminal.ts';
import { NotUnderstood, untilReady } from '../../../src/log/jetstream/until-ready.ts';
import { createLogger } from '../../../src/logger.ts';
import { TestLog } from '../../support/nats.ts';

const logger = createLogger('test', { LOG_LEVEL: 'fatal' });

let server: TestLog;
let manager: JetStreamManager;
beforeAll(async () => {
  server = await TestLog.start();
  manager = await jetstreamManager((await server.open()).connection);
});
afterAll(() => server[Symbol.asyncDispose]());

test('what nats-server cannot read is not asked again, and ends a start with one line', async () => {
  const asking = () => untilReady('the log', () => manager.streams.update('TASKS', { max_age: 0.5 }), logger);
  await expect(asking()).rejects.toBeInstanceOf(NotUnderstood);
  const starting = orCannotStart(asking());
  await expect(starting).rejects.toBeInstanceOf(CannotStart);
  await expect(starting).rejects.toThrow(
    /^nats-server does not understand what it is asked for the log: invalid JSON: .*max_age/,
  );
});

test('what a person has to see to is said without a stack, with what to look at', async () => {
  const said: object[] = [];
  const telling = { ...logger, warn: (what: object) => said.push(what) } as unknown as typeof logger;
  let tries = 0;
  await untilReady(
    'the log',
    async () => {
      tries += 1;
      if (tries <= 20) await manager.streams.update('TASKS', { num_replicas: 3 });
    },
    telling,
  );
  expect(said).toEqual([
    {
      reason: 'replicas > 1 not supported in non-clustered mode',
      advice: expect.stringMatching(/^REPLICAS names more nats-servers than/),
    },
  ]);
});

test('what another one has just made is asked for again, though the request is called bad', async () => {
  const failures: unknown[] = [];
  let name = 'TASKS';
  const made = await untilReady(
    'a stream',
    () => manager.streams.add({ name, subjects: ['other.>'] }),
    logger,
    (error) => {
      failures.push(error);
      name = 'OTHER';
    },
  );
  expect(made.config.name).toBe('OTHER');
  expect(failures).toMatchObject([{ status: 400, code: 10_058 }]);
});
