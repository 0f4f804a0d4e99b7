import { PassThrough } from 'node:stream';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { Msg, NatsConnection, PublishOptions } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { JetStreamTaking } from '../../../src/log/jetstream/task-queue.ts';
import type { Logger } from '../../../src/logger.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('says once, of all names together, that no tasks are handed out, and that they are again', () => {
  /** Where the newest request for tasks of each name is answered. */
  const inboxes = new Map<string, string>();
  let receive: (error: null, message: Msg) => void = () => {};
  const connection = {
    subscribe(_: string, { callback }: { callback: typeof receive }) {
      receive = callback;
    },
    publish(subject: string, _: string, { reply = '' }: PublishOptions) {
      inboxes.set(subject.split('worker_')[1] ?? '', reply);
    },
    isClosed: () => false,
    status: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
  } as unknown as NatsConnection;
  const manager = { consumers: { add: async () => ({}) } } as unknown as JetStreamManager;
  const logger = { warn: vi.fn(), info: vi.fn() };
  const options = { names: ['hello', 'sleep'], free: () => 1, onDelivery: () => {} };
  new JetStreamTaking(connection, manager, options, logger as unknown as Logger);
  const answer = (name: string, code: number) => {
    const headers = { code, description: '' };
    receive(null, { subject: inboxes.get(name), headers } as unknown as Msg);
    vi.advanceTimersByTime(1_500);
  };

  for (const _ of Array(3)) for (const name of options.names) answer(name, 503);
  expect(logger.warn).toHaveBeenCalledOnce();
  answer('hello', 408);
  expect(logger.info).not.toHaveBeenCalled();
  answer('sleep', 408);
  answer('sleep', 408);
  expect(logger.info).toHaveBeenCalledOnce();
  answer('hello', 409);
  expect(logger.warn).toHaveBeenCalledTimes(2);
});

it('asks for no tasks while there is no connection, and at once when there is one again', async () => {
  const statuses = new PassThrough({ objectMode: true });
  const publish = vi.fn();
  const connection = {
    subscribe: () => ({ unsubscribe() {}, isClosed: () => true }),
    publish,
    isClosed: () => false,
    status: () => statuses,
  } as unknown as NatsConnection;
  const options = { names: ['hello'], free: () => 1, onDelivery: () => {} };
  const taking = new JetStreamTaking(connection, {} as JetStreamManager, options, {} as Logger);
  expect(publish).toHaveBeenCalledOnce();

  statuses.write({ type: 'disconnect' });
  await vi.advanceTimersByTimeAsync(10_000);
  await taking.pause();
  taking.more();
  expect(publish).toHaveBeenCalledOnce();

  statuses.write({ type: 'reconnect' });
  await vi.advanceTimersByTimeAsync(0);
  expect(publish).toHaveBeenCalledTimes(2);
});
