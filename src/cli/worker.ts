import { rm } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, lookUpThreads } from '../config.ts';
import { natsCancellations } from '../log/jetstream/cancellations.ts';
import { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import { natsPresence } from '../log/jetstream/presence.ts';
import { createLogger } from '../logger.ts';
import { Attempts } from '../worker/attempts.ts';
import { EndWatch } from '../worker/end-watch.ts';
import { MediaPool } from '../worker/media/pool.ts';
import { OwnFiles } from '../worker/own-files.ts';
import { Fetcher } from '../worker/source/fetcher.ts';
import type { FetchLimits } from '../worker/source/limits.ts';
import { SourceRoom } from '../worker/source/source-room.ts';
import { Worker } from '../worker/worker.ts';
import { inDataFolder } from './data-folder.ts';
import { endAtOnce, endWithSupervisor, stopDeadlineMs, untilStopped } from './lifecycle.ts';
import { connectToLog, orCannotStart } from './log-connection.ts';
import { openSpool } from './spool.ts';
import { openStorage } from './storage.ts';

/** Runs one worker until it is told to stop. */
export async function worker(config: Config): Promise<void> {
  const id = `${hostname()}-${process.pid}`;
  const logger = createLogger('worker', config).child({ worker: id });
  endWithSupervisor(logger);
  const connection = await connectToLog(config, `wyvern worker ${id}`, logger);
  const log = await orCannotStart(JetStreamLog.openAsItIs(connection, config, logger));
  const storage = await openStorage(config, connection, logger);
  const spoolFolder = await inDataFolder(config, openSpool(join(config.DATA_DIR, 'spool'), hostname()));
  const fetcher = new Fetcher({
    ports: config.fetchPorts,
    allow: config.fetchAllow,
    limits: fetchLimits(config),
    lookUpsAtOnce: lookUpThreads(),
  });
  endAtOnce(() => fetcher.isLookingUp);
  const media = new MediaPool({
    size: availableParallelism(),
    childCommand: { modulePath: fileURLToPath(new URL('./wyvern.js', import.meta.url)), args: ['media'] },
    logger,
  });
  const room = new SourceRoom(spoolFolder);
  const ownFiles = new OwnFiles({
    log,
    storage,
    publicUrl: config.PUBLIC_URL,
    maxBytes: config.FETCH_MAX_BYTES,
  });
  const presence = natsPresence(connection);
  const ends = new EndWatch({ log, cancellations: natsCancellations(connection), logger });
  const attempts = new Attempts({
    worker: id,
    log,
    ends,
    config,
    logger,
    fetcher,
    ownFiles,
    media,
    storage,
    room,
  });
  const worker = new Worker({ id, queue: log, presence, attempts, config, logger });
  const stop = async (): Promise<void> => {
    await worker.drain();
    ends.close();
    await Promise.all([media.close(), fetcher.close()]);
    await Promise.all([log.close(), room.close()]);
    await rm(spoolFolder, { recursive: true, force: true });
  };
  untilStopped(logger, stop, stopDeadlineMs(config));
  await worker.start();
  logger.info('taking tasks');
  process.send?.({ type: 'ready' });
}

const fetchLimits = (config: Config): Partial<FetchLimits> => ({
  totalMs: config.FETCH_TIMEOUT * 1_000,
  connectMs: config.FETCH_CONNECT_TIMEOUT * 1_000,
  headersMs: config.FETCH_HEADERS_TIMEOUT * 1_000,
  idleMs: config.FETCH_IDLE_TIMEOUT * 1_000,
  maxBytes: config.FETCH_MAX_BYTES,
  maxRedirects: config.FETCH_MAX_REDIRECTS,
});
