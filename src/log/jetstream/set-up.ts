import { type JetStreamManager, jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../../config.ts';
import type { Logger } from '../../logger.ts';
import { copiesOf, findStream } from './any-stream.ts';
import { ensureArchive, hasArchive } from './archive/stream.ts';
import { ensureRequestsStream } from './creates.ts';
import { storeToSync, syncMetadata } from './disk-sync.ts';
import { importOf, UnfinishedImport } from './import-mark.ts';
import { ensureStream, makeStream, STREAM } from './stream.ts';
import { untilReady } from './until-ready.ts';

/** A quarter of a second as a rule, and more than 5 s for a million events where other things are to be done. */
export const PURGE_TIMEOUT_MS = 60_000;

/** The streams of a log, once they are there. */
export interface SetUp extends Managers {
  /** The settings, with as many `REPLICAS` as the log has copies. */
  readonly config: Config;
  /** Whether there is an archive of this log. */
  readonly isArchived: boolean;
}

interface Managers {
  readonly manager: JetStreamManager;
  /** Waits for answers for `PURGE_TIMEOUT_MS`. */
  readonly patient: JetStreamManager;
}

/** See `JetStreamLog.open`. */
export async function makeLog(
  connection: NatsConnection,
  config: Config,
  logger: Logger,
  onUnfinished?: (reason: string) => void,
): Promise<SetUp> {
  const managers = await managersOf(connection);
  const { manager } = managers;
  const told = tellUnfinished(logger, onUnfinished);
  const found = await untilReady('the log', () => ensureStream(manager, config), logger, told);
  const settled = settledFor(found, config);
  if (settled.REPLICAS > config.REPLICAS)
    logger.warn(
      { copies: settled.REPLICAS, REPLICAS: config.REPLICAS },
      'the log keeps the copies that it has, which are more than REPLICAS says: see whether that is set everywhere',
    );
  await untilReady('the log', () => ensureRequestsStream(manager, settled), logger);
  const isArchived = await untilReady('the archive', () => ensureArchive(manager, settled, logger), logger);
  const store = storeToSync(config);
  if (store !== undefined) await syncMetadata(store);
  return { ...managers, config: settled, isArchived };
}

/** See `JetStreamLog.openAsItIs`. */
export async function makeLogIfMissing(
  connection: NatsConnection,
  config: Config,
  logger: Logger,
): Promise<SetUp> {
  const managers = await managersOf(connection);
  const { manager } = managers;
  const told = tellUnfinished(logger);
  const found = await untilReady('the log', () => makeStream(manager, config), logger, told);
  const isArchived = await untilReady('the archive', () => hasArchive(manager), logger);
  return { ...managers, config: settledFor(found, config), isArchived };
}

/** See `JetStreamLog.openExisting`. */
export async function findLog(
  connection: NatsConnection,
  config: Config,
  logger: Logger,
): Promise<SetUp | undefined> {
  const managers = await managersOf(connection);
  const { manager } = managers;
  const found = await untilReady('the log', () => findStream(manager, STREAM), logger);
  if (!found) return undefined;
  if (importOf(found.config) === 'unfinished') throw new UnfinishedImport();
  const isArchived = await untilReady('the archive', () => hasArchive(manager), logger);
  return { ...managers, config: settledFor(found.config, config), isArchived };
}

async function managersOf(connection: NatsConnection): Promise<Managers> {
  const waiting = (timeout: number) => jetstreamManager(connection, { timeout, checkAPI: false });
  return { manager: await waiting(5_000), patient: await waiting(PURGE_TIMEOUT_MS) };
}

const settledFor = (found: StreamConfig, config: Config): Config => ({
  ...config,
  REPLICAS: copiesOf(found, config.REPLICAS),
});

/** Says what is the matter at once, and not as an error with a stack. */
function tellUnfinished(
  logger: Logger,
  onUnfinished: (reason: string) => void = () => {},
): (error: unknown) => void {
  let isTold = false;
  return (error) => {
    if (!(error instanceof UnfinishedImport) || isTold) return;
    isTold = true;
    logger.error(error.message);
    onUnfinished(error.message);
  };
}
