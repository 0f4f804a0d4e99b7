import { once } from 'node:events';
import type { Config } from '../config.ts';
import { UnfinishedImport } from '../log/jetstream/import-mark.ts';
import { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import { createLogger, type Logger } from '../logger.ts';
import { connectToLog } from './log-connection.ts';

/**
 * A log that cannot be reached for longer is what fronts and workers can tell best. One of millions of events takes
 * nats-server ten seconds to read after it was killed.
 */
const MENDING_MS = 30_000;

/**
 * Ends what a power failure left of a request that was being stored, before anybody else writes to the embedded
 * server's log; nobody was told that it is there. What goes wrong here is logged, and keeps nobody from starting.
 */
export async function mendLog(config: Config, logger: Logger): Promise<void> {
  const late = AbortSignal.timeout(MENDING_MS);
  const mending = mend(config, late).then(
    (tasks) => {
      if (tasks > 0) logger.warn({ tasks }, 'ended what was left of a request that was cut off');
    },
    (error: unknown) => {
      if (!(error instanceof UnfinishedImport)) logger.error({ err: error }, 'could not mend the log');
    },
  );
  await Promise.race([mending, once(late, 'abort')]);
}

/** Resolves with how many tasks were ended. */
async function mend(config: Config, signal: AbortSignal): Promise<number> {
  // That the server is not there yet is no news.
  const logger = createLogger('up', { ...config, LOG_LEVEL: 'fatal' });
  const connection = await connectToLog(config, 'wyvern up', logger);
  let log: JetStreamLog | undefined;
  try {
    log = await JetStreamLog.openExisting(connection, config, logger);
    return (await log?.endTornRequest(signal)) ?? 0;
  } finally {
    await (log ?? connection).close();
  }
}
