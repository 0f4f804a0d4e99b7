import { type Config, readConfig } from '../config.ts';
import { freePort, probePort } from '../free-port.ts';
import { createLogger } from '../logger.ts';
import { inFolderAtStart } from './data-folder.ts';
import { onHangUp, untilStopped } from './lifecycle.ts';
import { prepareLocalCluster } from './local-cluster.ts';
import { withPort } from './port.ts';
import { prepareStart } from './preparation.ts';
import { Supervisor } from './supervisor.ts';
import { CannotStart, say } from './terminal.ts';
import { welcome } from './welcome.ts';

const WORKERS = 3;
const CONFIGURATIONS = new URL('../../../ops/cluster/', import.meta.url);

/**
 * Runs what three machines would run, on this one: a cluster of three nats-servers with three copies of the
 * log, two fronts on ports of their own, three workers. `--tls` puts TLS between all of them.
 */
export async function cluster(given: Config, args: readonly string[]): Promise<void> {
  if (given.NATS_URL) throw new CannotStart('a cluster brings nats-servers of its own: unset NATS_URL');
  const config: Config = { ...(await withPort(given)), REPLICAS: 3 };
  const secondPort = await portOfSecond(given, config);
  const logger = createLogger('cluster', config);
  const newSecret = await prepareStart(config);
  const { nodes, client } = await inFolderAtStart(
    config.DATA_DIR,
    prepareLocalCluster(config, CONFIGURATIONS, args.includes('--tls')),
  );
  const supervisor = new Supervisor(config, logger);
  const stop = untilStopped(logger, () => supervisor.stop(), supervisor.stopDeadlineMs);
  onHangUp(stop, () => supervisor.reload());
  for (const { name, args: given, variables, logFile } of nodes)
    supervisor.runServer(`nats-server ${name}`, given, variables, logFile);
  const { PUBLIC_URL } = config;
  // Machines share nothing but the nats-servers.
  const shared = { REPLICAS: String(config.REPLICAS), STORAGE: 'jetstream', PUBLIC_URL };
  const variables = { ...client, ...shared };
  for (const [index, port] of [config.PORT, secondPort].entries())
    supervisor.runFront(`front ${index + 1}`, { ...variables, PORT: String(port) });
  for (let number = 1; number <= WORKERS; number++) supervisor.runWorker(`worker ${number}`, variables);
  await supervisor.ready();
  const others = [withAnotherPort(config, secondPort)];
  for (const line of await welcome(config, { servers: 'cluster', newSecret, others })) say(line);
}

/** Where the front with that port is reached; `PUBLIC_URL` may be somewhere else. */
const withAnotherPort = ({ HOST, TLS_CERT }: Config, port: number): string =>
  readConfig({ HOST, PORT: String(port), ...(TLS_CERT && { TLS_CERT, TLS_KEY: TLS_CERT }) }).PUBLIC_URL;

/** The next one, or, where any free port was asked for, another free one. */
async function portOfSecond(given: Config, { HOST, PORT }: Config): Promise<number> {
  if (given.PORT === 0) return freePort(HOST);
  await probePort(HOST, PORT + 1).catch(() => {
    throw new CannotStart(`cannot listen on ${HOST}:${PORT + 1}, which the second front needs; set PORT`);
  });
  return PORT + 1;
}
