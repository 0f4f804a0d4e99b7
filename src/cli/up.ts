import { existsSync } from 'node:fs';
import type { Config } from '../config.ts';
import {
  type EmbeddedServer,
  prepareEmbeddedServer,
  storeOf,
  whoSyncs,
} from '../log/server/embedded-server.ts';
import { createLogger } from '../logger.ts';
import { inFolderAtStart } from './data-folder.ts';
import { onHangUp, untilStopped } from './lifecycle.ts';
import { mendLog } from './mending.ts';
import { withPort } from './port.ts';
import { prepareStart } from './preparation.ts';
import { Supervisor } from './supervisor.ts';
import { CannotStart, say } from './terminal.ts';
import { welcome } from './welcome.ts';

/** Runs the whole service on this machine: nats-server, unless there is one already, one front, the workers. */
export async function up(given: Config): Promise<void> {
  const config = await withPort(given);
  if (config.REPLICAS > 1 && !config.NATS_URL)
    throw new CannotStart(
      `REPLICAS=${config.REPLICAS} needs a cluster of nats-servers: set NATS_URL to it, or run npm run -s cluster`,
    );
  const logger = createLogger('up', config);
  const newSecret = await prepareStart(config);
  const supervisor = new Supervisor(config, logger);
  const stop = untilStopped(logger, () => supervisor.stop(), supervisor.stopDeadlineMs);
  onHangUp(stop, () => supervisor.reload());
  await startAll(supervisor, config);
  const servers = config.NATS_URL ? 'external' : 'embedded';
  for (const line of await welcome(config, { servers, newSecret })) say(line);
}

async function startAll(supervisor: Supervisor, config: Config): Promise<void> {
  const variables = {
    ...(config.NATS_URL === undefined && (await startServer(supervisor, config))),
    PORT: String(config.PORT),
    PUBLIC_URL: config.PUBLIC_URL,
  };
  supervisor.runFront('front', variables);
  for (let number = 1; number <= config.WORKERS; number++)
    supervisor.runWorker(`worker ${number}`, variables);
  await supervisor.ready();
}

async function startServer(supervisor: Supervisor, config: Config): Promise<EmbeddedServer['client']> {
  const isNew = !existsSync(storeOf(config));
  const { args, variables, client, logFile, healthUrl } = await inFolderAtStart(
    config.DATA_DIR,
    prepareEmbeddedServer(config, whoSyncs(config)),
  );
  supervisor.runServer('nats-server', args, variables, logFile);
  supervisor.revive(healthUrl, config.DATA_DIR);
  supervisor.stage(storeOf(config), config);
  if (!isNew) await mendLog({ ...config, ...client }, createLogger('up', config));
  return client;
}
