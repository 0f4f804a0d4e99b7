import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../config.ts';
import { prepareEmbeddedServer } from '../log/embedded-server.ts';
import { connectToNats } from '../log/jetstream/connection.ts';
import { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import { LogUnavailable } from '../log/log.ts';
import { createLogger, type Logger } from '../logger.ts';
import { REPLAY_USAGE, readReplayOptions, UsageError } from '../replay/options.ts';
import { replay as replayLog } from '../replay/replay.ts';
import { FolderInUse, lockFolder } from './lock.ts';
import { openStorage } from './storage.ts';
import { Supervisor } from './supervisor.ts';
import { CannotStart, complain, say } from './terminal.ts';

/** For a server that has to recover a long log first. */
const CONNECT_MS = 60_000;

/** Reads the log for a person or a program; ends the process. It never changes the log, nor its limits. */
export async function replay(config: Config, args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return say(REPLAY_USAGE);
  try {
    const options = readReplayOptions(args);
    const abort = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => abort.abort());
    // Whoever reads this has read enough.
    process.stdout.on('error', () => abort.abort());
    await using server = await openServer(config);
    const log = await openLog(config, server);
    const parts = {
      log,
      storage: () => openStorage(config, server.connection, createLogger('replay', config, 2)),
      write,
      signal: abort.signal,
    };
    process.exitCode = await replayLog(parts, options);
    await log.close();
  } catch (error) {
    if (error instanceof LogUnavailable) throw new CannotStart(error.message);
    if (!(error instanceof UsageError)) throw error;
    complain(`${error.message}\n\n${REPLAY_USAGE}`);
    process.exitCode = 2;
  }
}

const write = (line: string): Promise<void> =>
  new Promise((resolve) => {
    if (process.stdout.write(`${line}\n`) || process.stdout.destroyed) return resolve();
    process.stdout
      .once('drain', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
  });

interface OpenServer extends AsyncDisposable {
  readonly connection: NatsConnection;
}

/** The server that has the log: at `NATS_URL`, that of a service which runs, or one of its own on the folder at rest. */
async function openServer(config: Config): Promise<OpenServer> {
  const logger = createLogger('replay', config, 2);
  if (config.NATS_URL)
    return {
      connection: await reach(config.NATS_URL, config, logger),
      [Symbol.asyncDispose]: async () => {},
    };
  if (!(await readServerUrl(config))) throw new CannotStart(`there is no log in ${config.DATA_DIR}`);
  try {
    await lockFolder(config.DATA_DIR);
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    const url = (await readServerUrl(config)) as string;
    return { connection: await reach(url, config, logger), [Symbol.asyncDispose]: async () => {} };
  }
  return startServer(config, logger);
}

async function startServer(config: Config, logger: Logger): Promise<OpenServer> {
  // Whatever limits the log was made with, it must be found to fit.
  const { args, url } = await prepareEmbeddedServer({ ...config, MAX_LOG_BYTES: 2 ** 50 });
  const supervisor = new Supervisor({ GRACE: 0 }, logger);
  supervisor.runServer('nats-server', args);
  try {
    return { connection: await reach(url, config, logger), [Symbol.asyncDispose]: () => supervisor.stop() };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function reach(url: string, config: Config, logger: Logger): Promise<NatsConnection> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new CannotStart('the nats-server of the log does not answer')),
      CONNECT_MS,
    );
  });
  return Promise.race([connectToNats(url, 'wyvern replay', config, logger), late]).finally(() =>
    clearTimeout(timer),
  );
}

async function openLog(config: Config, { connection }: OpenServer): Promise<JetStreamLog> {
  const log = await JetStreamLog.openExisting(connection, config, createLogger('replay', config, 2));
  if (log) return log;
  await connection.close();
  throw new CannotStart('the nats-server has no log');
}

/** Of the embedded server, as it was started last. */
async function readServerUrl({ DATA_DIR }: Config): Promise<string | undefined> {
  const text = await readFile(join(DATA_DIR, 'nats', 'nats-server.conf'), 'utf8').catch(() => '');
  const address = /listen: "([^"]+)"/.exec(text)?.[1];
  const token = /token: "([^"]+)"/.exec(text)?.[1];
  return address && token ? `nats://${token}@${address}` : undefined;
}
