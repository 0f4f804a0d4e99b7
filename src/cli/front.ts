import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AccountsFileError, FileAccounts, type Reload } from '../accounts/file-accounts.ts';
import { Limits } from '../accounts/limits.ts';
import type { Config } from '../config.ts';
import { App, CannotListen } from '../front/app.ts';
import { Feeds } from '../front/feed.ts';
import { FrontMetrics } from '../front/metrics.ts';
import { StatusView } from '../front/status-view.ts';
import { Submissions } from '../front/submission.ts';
import { WorkerPresence } from '../front/worker-presence.ts';
import { dateToMs } from '../log/event-date.ts';
import { connectToNats } from '../log/jetstream/connection.ts';
import { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import { natsPresence } from '../log/jetstream/presence.ts';
import { createLogger } from '../logger.ts';
import { Projection } from '../projection/projection.ts';
import { openDiskStorage } from '../storage/disk-storage.ts';
import type { Storage } from '../storage/storage.ts';
import { endWithSupervisor, untilStopped } from './lifecycle.ts';
import { natsUrlOf } from './nats-url.ts';
import { CannotStart } from './terminal.ts';

/** Runs one front until it is told to stop. */
export async function front(config: Config): Promise<void> {
  const logger = createLogger('front', config);
  endWithSupervisor(logger);
  const tellReload = (reload: Reload): void => {
    if (reload.ok) logger.info({ accounts: reload.accounts }, 'read the accounts file again');
    else logger.error(`the accounts file was refused, the accounts in force stay: ${reload.message}`);
  };
  const accounts = await openAccounts(config, tellReload);
  const connection = await connectToNats(natsUrlOf(config), 'wyvern front', logger);
  const log = await JetStreamLog.open(connection, config, logger);
  const storage = await openDiskStorage(join(config.DATA_DIR, 'files'));
  await putSample(storage);
  const limits = new Limits((name) => accounts.accounts.find(name)?.limits);
  const metrics = new FrontMetrics();
  const projection = new Projection({
    log,
    logger,
    onChange: (state, type) => {
      if (type === 'queued') limits.queued(state.account, dateToMs(state.queued));
      else if (state.completed !== undefined) limits.ended(state.account);
      metrics.changed(state, type);
    },
  });
  const workers = new WorkerPresence();
  natsPresence(connection).listen(workers);
  // The projection must be at the head before the port opens, or the first answers would be 404.
  await projection.start();
  const view = new StatusView(config.PUBLIC_URL);
  const feeds = new Feeds(projection, view);
  const submissions = new Submissions({ log, projection, limits });
  const app = new App({
    config,
    log,
    projection,
    accounts: accounts.accounts,
    limits,
    storage,
    logger,
    view,
    feeds,
    submissions,
    workers,
    metrics,
  });
  metrics.watch({
    wyvern_open_tasks: { help: 'Tasks that are queued or executing', value: () => projection.openTasks },
    wyvern_open_feeds: { help: 'Status feeds that are open', value: () => feeds.size },
    wyvern_open_requests: {
      help: 'Requests without an answer yet, feeds included',
      value: () => app.openExchanges,
    },
    wyvern_watchers: {
      help: 'Waiting calls and feeds, once for each task they watch',
      value: () => projection.watchers,
    },
    wyvern_workers: { help: 'Workers heard of in the last 5 s', value: () => workers.present().length },
    wyvern_projection_seq: {
      help: 'Sequence up to which this front has folded the log',
      value: () => projection.seq,
    },
    wyvern_log_unreadable_events: {
      help: 'Events that this front could not read',
      value: () => projection.unreadableEvents,
    },
    wyvern_log_connected: { help: '1 while the log can be reached', value: () => Number(log.connected) },
  });
  const stop = async (): Promise<void> => {
    app.stopListening();
    await app.untilIdle(Math.max(0, config.GRACE * 1_000 - 500));
    feeds.close();
    // Closing a connection at once would take back what has been written but not been sent.
    await delay(50);
    app.close();
    await accounts.close();
    await projection.close();
    await log.close();
  };
  untilStopped(logger, stop, config.GRACE * 1_000 + 2_500);
  process.on('SIGHUP', async () => tellReload(await accounts.reload()));
  try {
    await app.listen(config.HOST, config.PORT);
  } catch (error) {
    throw error instanceof CannotListen ? new CannotStart(error.message) : error;
  }
  process.send?.({ type: 'ready' });
  const tls = config.TLS_CERT ? 'HTTPS' : 'HTTP; TLS is expected in front of it';
  logger.info({ host: config.HOST, port: config.PORT }, `listening for ${tls}`);
}

/** A file that is wrong at the start is a matter for the person who starts, not for a stack. */
async function openAccounts(
  { ACCOUNTS_FILE }: Config,
  reloaded: (reload: Reload) => void,
): Promise<FileAccounts> {
  try {
    return await FileAccounts.open({ path: ACCOUNTS_FILE, reloaded });
  } catch (error) {
    throw error instanceof AccountsFileError ? new CannotStart(error.message) : error;
  }
}

/** The picture that the first curl line works on, without any network. */
async function putSample(storage: Storage): Promise<void> {
  const path = { key: 'sample', attempt: 0, file: 'raccoon.jpg' };
  const stored = await storage.open(path);
  if (stored) return stored.close();
  const picture = new URL('../../../ops/sample/raccoon.jpg', import.meta.url);
  await storage.put(path, await readFile(picture));
}
