import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { freePort } from '../../free-port.ts';
import { stopLeftover } from './leftover-server.ts';

export interface EmbeddedServer {
  /** Arguments for the nats-server program. */
  readonly args: readonly string[];
  /** With its token: for the environment of our own processes, never for a command line or a log. */
  readonly url: string;
  /** For the environment of fronts and workers: where it is, and its store if they are to put the log on disk. */
  readonly client: { readonly NATS_URL: string; readonly NATS_STORE: string };
  /** For the program's environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where it says what it has to say. */
  readonly logFile: string;
  /** Where it says how it is; the path is a secret, since more can be read there. */
  readonly healthUrl: string;
}

const LOOPBACK = '127.0.0.1';

/** Who puts on disk with `SYNC=always` what the server has stored: itself, for each message, or those who need it there. */
export type Syncs = 'server' | 'clients';

/** The `store_dir` of the embedded nats-server. */
export const storeOf = ({ DATA_DIR }: Pick<Config, 'DATA_DIR'>): string => join(DATA_DIR, 'nats', 'store');

/** Outputs in JetStream, and an archive that copies the log as it is written, need a server that does it itself. */
export const whoSyncs = ({ STORAGE, ARCHIVE_DAYS }: Pick<Config, 'STORAGE' | 'ARCHIVE_DAYS'>): Syncs =>
  STORAGE === 'disk' && ARCHIVE_DAYS === 0 ? 'clients' : 'server';

/**
 * Writes the configuration of the embedded nats-server: loopback, a free port, a random token, everything
 * under `DATA_DIR/nats`. A server that a killed supervisor left behind is stopped first.
 */
export async function prepareEmbeddedServer(
  config: Config,
  syncs: Syncs = 'server',
): Promise<EmbeddedServer> {
  const folder = join(config.DATA_DIR, 'nats');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pidFile = join(folder, 'nats-server.pid');
  const file = join(folder, 'nats-server.conf');
  await stopLeftover(pidFile, file);
  const port = await freePort();
  const token = randomBytes(24).toString('base64url');
  const monitor = { port: await freePort(), path: randomBytes(24).toString('hex') };
  const store = storeOf(config);
  const sync = syncs === 'server' ? config.SYNC : '1s';
  const logFile = join(folder, 'nats-server.log');
  const text = configurationText({ logFile, store, port, token, monitor, pidFile, sync });
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
  const url = `nats://${token}@${LOOPBACK}:${port}`;
  return {
    args: ['-c', file],
    variables: { GOMEMLIMIT: String(memoryBytes(config)) },
    url,
    client: { NATS_URL: url, NATS_STORE: syncs === 'clients' ? store : '' },
    logFile,
    healthUrl: `http://${LOOPBACK}:${monitor.port}/${monitor.path}/healthz`,
  };
}

/** Twice 110 for each event and some to spare: in the log's index, and in its block's for two minutes after a use. */
const EVENT_BYTES = 240;
/** More than all settings together can name. */
const STORE_BYTES = 2 ** 53;
/** For the rest, above all blocks of the log that are being read or written. */
const OTHER_BYTES = 400_000_000;

/**
 * The memory that the server aims to stay within, 1.1 GB by default; it takes less than half of that for a full log at
 * rest. It is no bound: nothing is refused above it. But below it the server would collect garbage all the time: with
 * 600 MiB, writing a million tasks took three times the CPU and reading them almost seven times (ADR 0035).
 */
const memoryBytes = ({ MAX_LOG_EVENTS }: Config): number => OTHER_BYTES + MAX_LOG_EVENTS * EVENT_BYTES;

interface Values {
  readonly logFile: string;
  readonly store: string;
  readonly port: number;
  readonly token: string;
  readonly monitor: { readonly port: number; readonly path: string };
  readonly pidFile: string;
  readonly sync: string;
}

const configurationText = ({ logFile, store, port, token, monitor, pidFile, sync }: Values): string => `
server_name: wyvern
listen: "${LOOPBACK}:${port}"
authorization { token: "${token}" }
http: "${LOOPBACK}:${monitor.port}"
http_base_path: "/${monitor.path}"
pid_file: ${JSON.stringify(pidFile)}
log_file: ${JSON.stringify(logFile)}
logfile_size_limit: 16MB
logfile_max_num: 3
max_payload: 1MB
# A front that is stopped by its garbage collector must not be cut off as a slow consumer.
max_pending: 256MB
jetstream {
  store_dir: ${JSON.stringify(store)}
  max_memory_store: 64MB
  # No limit of its own: streams reserve what their limits name, also what the settings named before they were lowered, and
  # where all of that would be above this, none can be changed, nor a full log be given the room for its ends.
  max_file_store: ${STORE_BYTES}
  # 'always' is an fsync before every acknowledgement; with '1s' those who need it do it, or nobody. The default would be
  # two minutes.
  sync_interval: ${sync}
  limits {
    default_max_consumers: 10000
    # 1,000 tasks of one request, and the two records on which they may depend.
    batch { max_inflight_per_stream: 200, timeout: "5s", max_msgs: 1002 }
  }
}
`;
