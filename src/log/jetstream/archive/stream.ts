import {
  DiscardPolicy,
  type JetStreamManager,
  PersistMode,
  RetentionPolicy,
  StorageType,
  StoreCompression,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { Config } from '../../../config.ts';
import type { Logger } from '../../../logger.ts';
import { adjustStream, findStream } from '../any-stream.ts';
import { nanosOfDays, STREAM } from '../stream.ts';

export const ARCHIVE = 'ARCHIVE';

/**
 * How the log's subjects are folded, so that the server's memory does not grow with the tasks: the last two characters
 * of a key, which are random, name one of 1,024 shards. Everything is taken over, also what is no event: so the
 * archive's sequences run as the log's do, and what is missing is known.
 */
const SOURCE = {
  name: STREAM,
  subject_transforms: [
    { src: 'task.*.*.*.*', dest: 'archive.{{right(3,2)}}' },
    { src: 'turn.*', dest: 'archive.turn' },
    { src: 'request.*.*', dest: 'archive.request' },
  ],
};

/** Where the events of a task lie, among those of others. */
export const shardSubject = (key: string): string => `archive.${key.slice(-2)}`;

type Settings = Pick<Config, 'ARCHIVE_DAYS' | 'MAX_ARCHIVE_BYTES' | 'REPLICAS'>;

/**
 * Brings the archive to the settings. It is a stream of its own that JetStream fills from the log. Without
 * `ARCHIVE_DAYS` it is not filled any more, and goes when its last event has grown too old. Resolves with whether there
 * is one to read.
 */
export async function ensureArchive(
  manager: JetStreamManager,
  settings: Settings,
  logger: Logger,
): Promise<boolean> {
  const [log, found] = await Promise.all([manager.streams.info(STREAM), findStream(manager, ARCHIVE)]);
  if (!found) {
    if (settings.ARCHIVE_DAYS === 0) return false;
    await manager.streams.add(newArchive(settings, log.created));
    return true;
  }
  if (!isOf(found, log)) {
    logger.error(
      `the stream ${ARCHIVE} is the archive of another log: it is not read, and nothing is archived, until it is removed or moved away`,
    );
    await stopFilling(manager, found);
    return false;
  }
  if (settings.ARCHIVE_DAYS > 0) await adjust(manager, found, settings, logger);
  else if (found.state.messages === 0) {
    await manager.streams.delete(ARCHIVE);
    return false;
  } else await stopFilling(manager, found);
  return true;
}

/** Whether there is an archive of this log. Rejects while JetStream does not answer. */
export async function hasArchive(manager: JetStreamManager): Promise<boolean> {
  const [log, found] = await Promise.all([manager.streams.info(STREAM), findStream(manager, ARCHIVE)]);
  return found !== undefined && isOf(found, log);
}

/** A log that was lost and made anew gives the same sequences to other events. */
const isOf = ({ config }: StreamInfo, log: StreamInfo): boolean => config.metadata?.log === log.created;

/**
 * On one server it is written without an fsync an event: under `SYNC=always` that cost 90 µs and 600 µs of waiting
 * each, and the archive fell behind. What a crash takes from its end it takes from the log again, which lets go of
 * nothing that the archive has not had for a while (`ArchiveVolume.safeThrough`).
 */
const newArchive = (settings: Settings, madeAt: string): Partial<StreamConfig> & { name: string } => ({
  name: ARCHIVE,
  sources: [SOURCE],
  storage: StorageType.File,
  compression: StoreCompression.S2,
  retention: RetentionPolicy.Limits,
  // What it may take is its bound, as its age is: the oldest go.
  discard: DiscardPolicy.Old,
  allow_direct: true,
  deny_delete: true,
  metadata: { log: madeAt },
  ...(settings.REPLICAS === 1 && { persist_mode: PersistMode.Async }),
  ...limitsOf(settings),
});

const limitsOf = ({ ARCHIVE_DAYS, MAX_ARCHIVE_BYTES, REPLICAS }: Settings) => ({
  max_age: nanosOfDays(ARCHIVE_DAYS),
  max_bytes: MAX_ARCHIVE_BYTES,
  num_replicas: REPLICAS,
});

async function adjust(
  manager: JetStreamManager,
  { config }: StreamInfo,
  settings: Settings,
  logger: Logger,
): Promise<void> {
  const limits = limitsOf(settings);
  if (config.persist_mode === PersistMode.Async && settings.REPLICAS > 1) {
    logger.warn('the archive was made with REPLICAS=1: JetStream can give it no more copies than that');
    limits.num_replicas = 1;
  }
  await adjustStream(manager, config, isFilled(config) ? limits : { ...limits, sources: [SOURCE] });
}

async function stopFilling(manager: JetStreamManager, { config }: StreamInfo): Promise<void> {
  if (isFilled(config)) await manager.streams.update(ARCHIVE, { sources: [] });
}

export const isFilled = ({ sources }: StreamConfig): boolean => (sources?.length ?? 0) > 0;
