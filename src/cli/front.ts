import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Accounts } from '../accounts/accounts.ts';
import type { FileAccounts } from '../accounts/file-accounts.ts';
import { Limits } from '../accounts/limits.ts';
import type { Config } from '../config.ts';
import { App } from '../front/app.ts';
import { Connections, openFilesLimit } from '../front/connections.ts';
import type { FrontParts } from '../front/front-parts.ts';
import { gaugesOf } from '../front/gauges.ts';
import { HistoryFeeds } from '../front/history-feed.ts';
import { FrontMetrics } from '../front/metrics.ts';
import { CannotListen } from '../front/server.ts';
import { SharedCreates } from '../front/shared-creates.ts';
import { StatusFeeds } from '../front/status-feed.ts';
import { StatusView } from '../front/status-view.ts';
import { TaskCreation } from '../front/task-creation.ts';
import { TaskQueues } from '../front/task-queues.ts';
import { WaitingRoom } from '../front/waiting-room.ts';
import { WorkerPresence } from '../front/worker-presence.ts';
import { DAY_MS } from '../log/event-date.ts';
import { natsCancellations } from '../log/jetstream/cancellations.ts';
import { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import { natsPresence } from '../log/jetstream/presence.ts';
import { createLogger, type Logger } from '../logger.ts';
import { DefinitionIndex } from '../projection/definition-index.ts';
import { FileEndedTasks } from '../projection/file-ended-tasks.ts';
import { Projection, type ProjectionOptions } from '../projection/projection.ts';
import { LogRoom } from '../retention/log-room.ts';
import { OutputSweeper } from '../retention/output-sweeper.ts';
import { watchAccounts } from './accounts-file.ts';
import { checkCertificate } from './certificate.ts';
import { endWithSupervisor, stopDeadlineMs, untilStopped } from './lifecycle.ts';
import { connectToLog, orCannotStart } from './log-connection.ts';
import { checkPort, withPort } from './port.ts';
import { putSamplePatiently } from './sample-picture.ts';
import { openStorage } from './storage.ts';
import { CannotStart } from './terminal.ts';
import { foldLog, logLimits, startUpkeep, type Upkeep } from './upkeep.ts';

/** Runs one front until it is told to stop. */
export async function front(given: Config): Promise<void> {
  const config = await withPort(given);
  const logger = createLogger('front', config);
  endWithSupervisor(logger);
  await checkCertificate(config);
  const accounts = await watchAccounts(config, logger);
  const connection = await connectToLog(config, 'wyvern front', logger);
  const connections = new Connections(config.MAX_CONNECTIONS, openFilesLimit(), logger);
  const log = await openLog(config, connection, connections, logger);
  if (accounts.createdSecret !== undefined)
    logger.warn(
      { ACCOUNTS_FILE: config.ACCOUNTS_FILE },
      'there was no accounts file: made one, with one account, whose secret stands there. All fronts need the same accounts',
    );
  const parts = await assemble({ config, connection, connections, log, accounts: accounts.accounts, logger });
  // The projection must be at the head before the port opens, or the first answers would be 404.
  const loadedSeq = await foldLog(parts, log);
  const upkeep = await startUpkeep(parts, log, loadedSeq);
  const app = new App(parts);
  parts.metrics.watch({ ...gaugesOf(parts, app), ...upkeep.gauges });
  const sweeper = createOutputSweeper(parts);
  const stopAll = () =>
    Promise.all([stop(parts, app, accounts, upkeep), sweeper.stop()]).then(() => undefined);
  untilStopped(logger, stopAll, stopDeadlineMs(config));
  await listen(app, config);
  if (config.SWEEP_SECONDS > 0) sweeper.start();
  const tls = config.TLS_CERT ? 'HTTPS' : 'HTTP; TLS is expected in front of it';
  logger.info({ host: config.HOST, port: config.PORT }, `listening for ${tls}`);
  process.send?.({ type: 'ready' });
}

/** An import that was cut off takes a person, who finds the reason at the port. */
async function openLog(
  config: Config,
  connection: NatsConnection,
  connections: Connections,
  logger: Logger,
): Promise<JetStreamLog> {
  let waiting: Promise<WaitingRoom> | undefined;
  const opening = JetStreamLog.open(connection, config, logger, (reason) => {
    waiting = WaitingRoom.open(config, connections, reason);
    // It is found where the port is opened for good, too.
    waiting.catch(() => {});
  });
  const log = await orCannotStart(opening);
  (await waiting?.catch(() => undefined))?.close();
  return log;
}

/** What a front stands on once it is open. */
interface Foundations extends Pick<FrontParts, 'config' | 'connections' | 'logger'> {
  readonly connection: NatsConnection;
  readonly log: JetStreamLog;
  readonly accounts: Accounts;
}

async function assemble({
  config,
  connection,
  connections,
  log,
  accounts,
  logger,
}: Foundations): Promise<FrontParts> {
  const storage = await openStorage(config, connection, logger);
  await putSamplePatiently(storage, logger);
  const limits = new Limits((name) => accounts.find(name)?.limits);
  const metrics = new FrontMetrics();
  const index = new DefinitionIndex({ maxAgeMs: config.CACHE_SECONDS * 1_000 });
  const onChange: ProjectionOptions['onChange'] = (state, event) => {
    if (event.type === 'queued') limits.queued(state.account, Date.parse(state.queued));
    else if (state.completed !== undefined) limits.ended(state.account);
    metrics.changed(state, event.type);
    if (config.CACHE_SECONDS > 0) index.apply(state, event);
  };
  const endedTasks = await openEndedTasks(config, logger);
  const projection = new Projection({ log, logger, onChange, endedTasks });
  const workers = new WorkerPresence();
  natsPresence(connection).listen(workers);
  const view = new StatusView(config.PUBLIC_URL);
  const statusFeeds = new StatusFeeds(projection, view);
  const historyFeeds = new HistoryFeeds({ accounts, log, projection, logger });
  const room = new LogRoom({ limits: logLimits(config), folded: projection });
  const creation = new TaskCreation({ log, projection, limits, room, metrics });
  const sharedCreates = new SharedCreates({ projection, index, storage });
  return {
    config,
    log,
    cancellations: natsCancellations(connection),
    projection,
    accounts,
    limits,
    connections,
    storage,
    logger,
    view,
    statusFeeds,
    historyFeeds,
    creation,
    sharedCreates,
    workers,
    queues: new TaskQueues(projection),
    metrics,
    room,
  };
}

/** Bytes of disk for ended tasks, and how many there can be at most: some 16 bytes of memory each. */
const ENDED_BYTES = 1_000_000_000;
const ENDED_AT_MOST = 2_000_000;

/** As many ended tasks as the log can hold: a task is three events or more. */
const openEndedTasks = ({ DATA_DIR, MAX_LOG_EVENTS }: Config, logger: Logger): Promise<FileEndedTasks> =>
  FileEndedTasks.open({
    folder: DATA_DIR,
    logger,
    tasks: Math.min(ENDED_AT_MOST, Math.ceil(MAX_LOG_EVENTS / 3)),
    bytes: ENDED_BYTES,
  });

/** Longer than any output takes to be stored. */
const SWEEP_MARGIN_SECONDS = 3_600;

function createOutputSweeper({ config, log, storage, logger, metrics }: FrontParts): OutputSweeper {
  const { SWEEP_SECONDS, TASK_TIMEOUT, RETENTION_DAYS } = config;
  return new OutputSweeper(
    {
      log,
      storage,
      logger,
      onShard: (swept) => metrics.sweptShard(swept),
      onRound: (swept) => metrics.sweptAll(swept),
    },
    {
      roundMs: SWEEP_SECONDS * 1_000,
      marginMs: (SWEEP_MARGIN_SECONDS + TASK_TIMEOUT) * 1_000,
      retentionMs: RETENTION_DAYS * DAY_MS,
    },
  );
}

/** What is left of the grace time for the end of feeds and of calls that wait. */
const CLOSING_MS = 500;
/** Closing a connection at once would take back what has been written but not been sent. */
const SENDING_MS = 50;

/** Takes no more connections, lets waiting calls and feeds end within the grace time, then ends what is left. */
async function stop(parts: FrontParts, app: App, accounts: FileAccounts, upkeep: Upkeep): Promise<void> {
  upkeep.close();
  app.drain();
  // They could go on for ever, and can be taken up anywhere.
  parts.historyFeeds.close();
  await app.untilIdle(Math.max(0, parts.config.GRACE * 1_000 - CLOSING_MS));
  parts.statusFeeds.close();
  app.refuseWaiting();
  await delay(SENDING_MS);
  app.close();
  await accounts.close();
  await parts.projection.close();
  await parts.log.close();
}

async function listen(app: App, config: Config): Promise<void> {
  try {
    await app.listen(config.HOST, config.PORT);
  } catch (error) {
    if (!(error instanceof CannotListen)) throw error;
    // The system says why.
    await checkPort(config);
    throw new CannotStart(error.message, { cause: error });
  }
}
