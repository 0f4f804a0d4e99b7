import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { prepareLocalCluster } from '../../src/cli/local-cluster.ts';
import { mendLog } from '../../src/cli/mending.ts';
import { Revival } from '../../src/cli/revival.ts';
import { type Config, childEnvironment, natsServerProgram, readConfig } from '../../src/config.ts';
import { freePort } from '../../src/free-port.ts';
import { connectToNats } from '../../src/log/jetstream/connection.ts';
import { prepareEmbeddedServer, whoSyncs } from '../../src/log/server/embedded-server.ts';
import { createLogger } from '../../src/logger.ts';
import { PROGRAM } from '../support/service.ts';
import { until } from '../support/until.ts';
import { ManagedProcess, type Role } from './managed-process.ts';
import { Wire } from './wire.ts';

const CLUSTER = new URL('../../ops/cluster/', import.meta.url);
const FRONTS = 2;
const WORKERS = 3;

export interface Account {
  readonly name: string;
  readonly secret: string;
  readonly activeTasks: number;
}

export interface DeploymentOptions {
  /** Gets what the processes say. */
  readonly folder: string;
  readonly dataDir: string;
  /** Three nats-servers with TLS instead of one. */
  readonly isCluster: boolean;
  readonly accounts: readonly Account[];
  readonly settings: Readonly<Record<string, string>>;
  /** Of processes whose clock can be made to jump; others get theirs from the machine. */
  clockVariables?(name: string): Readonly<Record<string, string>>;
}

/** A front or a worker, and the network between it and each nats-server. */
export interface Client {
  readonly process: ManagedProcess;
  readonly wires: readonly Wire[];
}

export interface Front extends Client {
  readonly url: string;
}

interface Servers {
  readonly processes: readonly ManagedProcess[];
  readonly url: string;
  readonly variables: Readonly<Record<string, string>>;
  close(): void;
}

/**
 * The service as operators run it: nats-server, or a cluster of three, two fronts and three workers, each a
 * process of its own that is started again when it dies. Between each front or worker and each nats-server
 * runs a wire that can be cut.
 */
export class Deployment {
  readonly servers: readonly ManagedProcess[];
  readonly fronts: readonly Front[];
  readonly workers: readonly Client[];
  readonly dataDir: string;
  readonly publicUrl: string;
  readonly #config: Config;
  readonly #url: string;
  readonly #closeServers: () => void;

  private constructor(
    servers: Servers,
    fronts: readonly Front[],
    workers: readonly Client[],
    config: Config,
  ) {
    this.servers = servers.processes;
    this.fronts = fronts;
    this.workers = workers;
    this.dataDir = config.DATA_DIR;
    this.publicUrl = config.PUBLIC_URL;
    this.#config = config;
    this.#url = servers.url;
    this.#closeServers = servers.close;
  }

  static async start(options: DeploymentOptions): Promise<Deployment> {
    const { folder, dataDir, isCluster, settings } = options;
    await mkdir(dataDir, { recursive: true });
    await writeAccounts(dataDir, options.accounts);
    const ports = await Promise.all(Array.from({ length: FRONTS }, () => freePort()));
    const common = {
      ...(isCluster ? { REPLICAS: '3', STORAGE: 'jetstream' } : {}),
      ...{ DATA_DIR: dataDir, PUBLIC_URL: `http://127.0.0.1:${ports[0]}`, LOG_LEVEL: 'info', GRACE: '2' },
      ...settings,
    };
    const config = readConfig(common);
    const servers = await (isCluster ? startCluster : startServer)(config, folder);
    const run = async (
      role: Role,
      number: number,
      own: Readonly<Record<string, string>>,
    ): Promise<Client> => {
      const name = `${role}-${number}`;
      const { url, wires } = await throughWires(servers.url);
      const variables = { ...common, ...servers.variables, NATS_URL: url, ...own };
      const env = childEnvironment({ ...variables, ...options.clockVariables?.(name) });
      const args = ['--enable-source-maps', PROGRAM, role];
      const logFile = join(folder, `${name}.log`);
      const process_ = new ManagedProcess({ name, role, command: process.execPath, args, env, logFile });
      return { process: process_, wires };
    };
    const fronts: Front[] = [];
    for (const [index, port] of ports.entries())
      fronts.push({
        ...(await run('front', index + 1, { PORT: String(port) })),
        url: `http://127.0.0.1:${port}`,
      });
    const workers: Client[] = [];
    for (let number = 1; number <= WORKERS; number++) workers.push(await run('worker', number, {}));
    const connectable = readConfig({ ...common, ...servers.variables });
    return new Deployment(servers, fronts, workers, connectable);
  }

  /** As `npm start` does, after everything was off. */
  async startAll(): Promise<void> {
    for (const running of this.servers) running.start();
    const config = { ...this.#config, NATS_URL: this.#url };
    if (this.servers.length === 1) await mendLog(config, createLogger('faults', config));
    for (const { process: running } of this.clients) running.start();
  }

  /** Every process but nats-server, with its network. */
  get clients(): readonly Client[] {
    return [...this.fronts, ...this.workers];
  }

  async untilReady(timeoutMs = 60_000): Promise<void> {
    for (const { url } of this.fronts)
      await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok, timeoutMs);
  }

  /** Straight to nats-server, past every wire. */
  connect(): Promise<NatsConnection> {
    const quiet = { ...this.#config, LOG_LEVEL: 'fatal' } as const;
    return connectToNats(this.#url, 'faults', this.#config, createLogger('faults', quiet));
  }

  /** The nats-server that leads the log; undefined while there is none to be told of. */
  async leader(connection: NatsConnection): Promise<ManagedProcess | undefined> {
    if (this.servers.length === 1) return this.servers[0];
    const manager = await jetstreamManager(connection, { timeout: 2_000, checkAPI: false });
    const { cluster } = await manager.streams.info('TASKS');
    return this.servers.find(({ name }) => name === cluster?.leader);
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map(({ process: running }) => running.stop()));
    this.#closeServers();
    await Promise.all(this.servers.map((running) => running.stop()));
    for (const { wires } of this.clients) for (const wire of wires) wire.close();
  }
}

async function writeAccounts(dataDir: string, accounts: readonly Account[]): Promise<void> {
  const document = {
    accounts: accounts.map(({ name, secret, activeTasks }) => ({
      name,
      secret,
      limits: { active_tasks: activeTasks },
    })),
  };
  await writeFile(join(dataDir, 'accounts.json'), JSON.stringify(document), { mode: 0o600 });
}

async function startServer(config: Config, folder: string): Promise<Servers> {
  const { args, client, healthUrl } = await prepareEmbeddedServer(config, whoSyncs(config));
  const running = server('nats-server', args, {}, folder);
  const logger = createLogger('faults', { ...config, LOG_LEVEL: 'fatal' });
  const restart = () => running.signal('SIGTERM');
  const revival = new Revival({ healthUrl, folder: config.DATA_DIR, restart, logger });
  const { NATS_URL: url, ...variables } = client;
  return { processes: [running], url, variables, close: () => revival.close() };
}

async function startCluster(config: Config, folder: string): Promise<Servers> {
  const { nodes, client } = await prepareLocalCluster(config, CLUSTER, true);
  const { NATS_URL: url, ...variables } = client;
  return {
    processes: nodes.map(({ name, args, variables: own }) => server(name, args, own, folder)),
    url,
    variables,
    close: () => {},
  };
}

const server = (
  name: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  folder: string,
): ManagedProcess =>
  new ManagedProcess({
    name,
    role: 'server',
    command: natsServerProgram(),
    args,
    env: childEnvironment(variables),
    logFile: join(folder, `${name}.log`),
  });

/** The same URL with a wire in place of each server. */
async function throughWires(url: string): Promise<{ url: string; wires: readonly Wire[] }> {
  const [, before, servers] = /^(.*@)(.*)$/.exec(url) as unknown as [string, string, string];
  const ports = servers.split(',').map((address) => Number(address.split(':')[1]));
  const wires = await Promise.all(ports.map((port) => Wire.start(port)));
  return { url: before + wires.map(({ port }) => `127.0.0.1:${port}`).join(','), wires };
}
