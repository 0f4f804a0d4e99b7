import { join } from 'node:path';
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Config } from '../../config.ts';
import { DAY_MS } from '../event-date.ts';
import { LogUnavailable } from '../log.ts';
import { encodeName, queuedFilter, SUBJECTS } from '../subject.ts';
import { LEASE_MS } from '../task-queue.ts';
import { adjustStream, findStream } from './any-stream.ts';
import { importOf, UnfinishedImport } from './import-mark.ts';

export const STREAM = 'TASKS';
/** Bytes of one event with its headers. */
export const MAX_EVENT_BYTES = 512 * 1024;

/** Where a nats-server keeps a stream, the log by default, below its `store_dir`. */
export const streamFolder = (store: string, stream = STREAM): string =>
  join(store, 'jetstream', '$G', 'streams', stream);

export type StreamSettings = Pick<Config, 'RETENTION_DAYS' | 'MAX_LOG_BYTES' | 'MAX_LOG_EVENTS' | 'REPLICAS'>;

/**
 * Makes the stream, or brings its limits and its number of copies to the settings; resolves with how it is then. A full
 * log refuses (`discard: new`): it never forgets an unfinished task. Messages cannot be deleted one by one; s2 is off
 * because it costs 15-80 times on random reads.
 */
export async function ensureStream(
  manager: JetStreamManager,
  settings: StreamSettings,
): Promise<StreamConfig> {
  return adjustStream(manager, await makeStream(manager, settings), adjustableOf(settings));
}

/** Makes the stream if it is not there. Resolves with how it is then; rejects with `UnfinishedImport`. */
export async function makeStream(manager: JetStreamManager, settings: StreamSettings): Promise<StreamConfig> {
  const found = await findStream(manager, STREAM);
  const { config } = found ?? (await manager.streams.add(streamConfig(settings)));
  if (importOf(config) === 'unfinished') throw new UnfinishedImport();
  return config;
}

/** JetStream refuses what is no whole number, and 0.7 days are 60479999.99999999 milliseconds. */
export const nanosOfDays = (days: number): number => nanos(Math.round(days * DAY_MS));

const adjustableOf = (settings: StreamSettings) => ({
  subjects: SUBJECTS,
  max_age: nanosOfDays(settings.RETENTION_DAYS),
  max_bytes: settings.MAX_LOG_BYTES,
  max_msgs: settings.MAX_LOG_EVENTS,
  // The consumers of the tasks have as many: they take the number over.
  num_replicas: settings.REPLICAS,
});

/** What a log is made as. */
export const streamConfig = (
  settings: StreamSettings,
): Partial<StreamConfig> & { readonly name: string } => ({
  name: STREAM,
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  max_msg_size: MAX_EVENT_BYTES,
  // Every event has a place of its own, so no message id is needed; a short window costs no memory.
  duplicate_window: nanos(10_000),
  allow_direct: true,
  allow_atomic: true,
  deny_delete: true,
  ...adjustableOf(settings),
});

/** What the log's server answers. Rejects with `LogUnavailable` where it does not, whatever the reason. */
export async function answered<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    throw new LogUnavailable('the log does not answer', { cause });
  }
}

export const consumerOf = (name: string): string => `worker_${encodeName(name)}`;

/** One durable consumer for each task name; all workers share it. Safe to call again. */
export async function ensureConsumer(manager: JetStreamManager, name: string): Promise<void> {
  await manager.consumers.add(STREAM, {
    durable_name: consumerOf(name),
    filter_subject: queuedFilter(name),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(LEASE_MS),
    max_ack_pending: 100_000,
    max_deliver: -1,
  });
}
