import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Config } from '../config.ts';
import { freePort } from '../free-port.ts';
import { stopLeftover } from '../log/server/leftover-server.ts';
import { CannotStart } from './terminal.ts';

const LOOPBACK = '127.0.0.1';
const NODES = ['n1', 'n2', 'n3'] as const;

export interface ClusterNode {
  readonly name: string;
  readonly args: readonly string[];
  /** What its configuration takes from the environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where it says what it has to say. */
  readonly logFile: string;
}

export interface LocalCluster {
  readonly nodes: readonly ClusterNode[];
  /** What fronts and workers need to find it. With its token: for their environment only. */
  readonly client: { readonly NATS_URL: string; readonly NATS_CA?: string };
}

interface Node {
  readonly name: string;
  readonly port: number;
  readonly routePort: number;
  readonly folder: string;
}

/**
 * Three nats-servers on this machine, as `configurations` has them for three: on loopback, free ports and
 * a random token, everything under `DATA_DIR/cluster`. With TLS on certificates of their own. The file `url`
 * has what a further front or worker takes as `NATS_URL`.
 */
export async function prepareLocalCluster(
  config: Config,
  configurations: URL,
  withTls: boolean,
): Promise<LocalCluster> {
  const folderOfConfigurations = fileURLToPath(configurations);
  const root = join(config.DATA_DIR, 'cluster');
  // nats-server reads a value from the environment as it reads its configuration: a letter first makes it text.
  const token = `t${randomBytes(24).toString('hex')}`;
  const nodes = await Promise.all(NODES.map((name) => prepareNode(root, name)));
  const tls = withTls ? await makeCertificates(folderOfConfigurations, join(root, 'tls')) : undefined;
  const routes = nodes.map(({ routePort }) => `nats://wyvern:${token}@${LOOPBACK}:${routePort}`);
  const servers = nodes.map(({ port }) => `${LOOPBACK}:${port}`).join(',');
  const NATS_URL = `${tls ? 'tls' : 'nats'}://${token}@${servers}`;
  await writeFile(join(root, 'url'), `${NATS_URL}\n`, { mode: 0o600 });
  return {
    nodes: nodes.map(({ name, port, routePort, folder }) => ({
      name,
      logFile: logFileOf(folder),
      args: argumentsFor(folderOfConfigurations, folder, withTls),
      variables: {
        NATS_NODE: name,
        NATS_LISTEN: `${LOOPBACK}:${port}`,
        NATS_ROUTE: `${LOOPBACK}:${routePort}`,
        NATS_ROUTES: `[${routes.join(', ')}]`,
        NATS_TOKEN: token,
        NATS_STORE_DIR: JSON.stringify(join(folder, 'store')),
        NATS_SYNC: config.SYNC,
        ...tls,
      },
    })),
    client: { NATS_URL, ...(tls && { NATS_CA: tls.NATS_CA }) },
  };
}

const pidFileOf = (folder: string): string => join(folder, 'nats-server.pid');
const logFileOf = (folder: string): string => join(folder, 'nats-server.log');

const argumentsFor = (configurations: string, folder: string, withTls: boolean): string[] => [
  ...['-c', join(configurations, withTls ? 'nats-server-tls.conf' : 'nats-server.conf')],
  ...['-P', pidFileOf(folder), '-l', logFileOf(folder)],
];

async function prepareNode(root: string, name: string): Promise<Node> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await stopLeftover(pidFileOf(folder), pidFileOf(folder));
  return { name, folder, port: await freePort(), routePort: await freePort() };
}

async function makeCertificates(configurations: string, folder: string) {
  const script = join(configurations, 'certificates.sh');
  try {
    await promisify(execFile)('sh', [script, folder, 'localhost', LOOPBACK]);
  } catch (cause) {
    const { stderr } = cause as { readonly stderr?: string };
    throw new CannotStart(`cannot make certificates with openssl: ${stderr?.trim() || cause}`);
  }
  return {
    NATS_CA: join(folder, 'ca.pem'),
    NATS_CERT: join(folder, 'node.pem'),
    NATS_KEY: join(folder, 'node-key.pem'),
  };
}
