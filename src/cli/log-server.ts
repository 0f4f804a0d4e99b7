import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../config.ts';
import { prepareEmbeddedServer, storeOf } from '../log/server/embedded-server.ts';
import { createLogger } from '../logger.ts';
import { copyIfAged } from './aged-store.ts';
import { inFolderAtStart } from './data-folder.ts';
import { FolderInUse, lockFolder } from './lock.ts';
import { connectToLog } from './log-connection.ts';
import { takeFolder } from './preparation.ts';
import { Supervisor } from './supervisor.ts';
import { CannotStart, complain } from './terminal.ts';

/** For a server that has to recover a long log first. */
const CONNECT_MS = 60_000;

/** A connection to the server that has a log, with that server if it was started for it. */
export interface LogServer extends AsyncDisposable {
  readonly connection: NatsConnection;
  /** Of a service that may still have to put on disk what it has written. */
  readonly store?: string;
}

/** The server that has the log: at `NATS_URL`, that of a service which runs, or one of its own on the folder at rest. */
export async function openServer(config: Config): Promise<LogServer> {
  if (config.NATS_URL) return remote(config, config.NATS_URL);
  if (!(await readServerUrl(config))) throw new CannotStart(whereNot(config));
  try {
    await lockFolder(config.DATA_DIR);
  } catch (error) {
    if (!(error instanceof FolderInUse)) {
      const { message } = error as Error;
      throw new CannotStart(
        `cannot use ${config.DATA_DIR}: ${message}. Read a copy of it that can be written`,
      );
    }
    return { ...(await remote(config, (await readServerUrl(config)) as string)), store: storeOf(config) };
  }
  const copy = await copyIfAged(config);
  if (!copy) return startServer(config);
  complain(
    'some of the log has grown too old for it: a copy is read, so that nothing is removed from what lies there',
  );
  try {
    const server = await startServer({ ...config, DATA_DIR: copy.folder });
    const stop = async (): Promise<void> => {
      await server[Symbol.asyncDispose]();
      copy.remove();
    };
    return { ...server, [Symbol.asyncDispose]: stop };
  } catch (error) {
    copy.remove();
    throw error;
  }
}

/** The server at `NATS_URL`, or one of its own on a folder that nobody uses, which is made if it is not there. */
export async function openServerForImport(config: Config): Promise<LogServer> {
  if (config.NATS_URL) return remote(config, config.NATS_URL);
  await takeFolder(config.DATA_DIR);
  return startServer(config);
}

async function remote(config: Config, url: string): Promise<LogServer> {
  const connection = await reach(config, url);
  return { connection, [Symbol.asyncDispose]: () => connection.close() };
}

async function startServer(config: Config): Promise<LogServer> {
  const { args, variables, url, logFile } = await inFolderAtStart(
    config.DATA_DIR,
    prepareEmbeddedServer(config),
  );
  const supervisor = new Supervisor({ GRACE: 0 }, createLogger('replay', config, 2));
  supervisor.runServer('nats-server', args, variables, logFile);
  try {
    // That it is not there yet is no news.
    const connection = await reach({ ...config, LOG_LEVEL: 'error' }, url);
    const stop = async () => {
      await connection.close();
      await supervisor.stop();
    };
    return { connection, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function reach(config: Config, url: string): Promise<NatsConnection> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new CannotStart('the nats-server of the log does not answer')),
      CONNECT_MS,
    );
  });
  const logger = createLogger('replay', config, 2);
  const reached = connectToLog({ ...config, NATS_URL: url }, 'wyvern replay', logger);
  return Promise.race([reached, late]).finally(() => clearTimeout(timer));
}

function whereNot({ DATA_DIR }: Config): string {
  const cluster = join(DATA_DIR, 'cluster', 'url');
  const where = existsSync(cluster) ? `; that of the cluster is read with NATS_URL=$(cat ${cluster})` : '';
  return `there is no log in ${DATA_DIR}${where}`;
}

/** Of the embedded server, as it was started last. */
async function readServerUrl({ DATA_DIR }: Config): Promise<string | undefined> {
  const text = await readFile(join(DATA_DIR, 'nats', 'nats-server.conf'), 'utf8').catch(() => '');
  const address = /listen: "([^"]+)"/.exec(text)?.[1];
  const token = /token: "([^"]+)"/.exec(text)?.[1];
  return address && token ? `nats://${token}@${address}` : undefined;
}
