import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { freePort } from '../free-port.ts';
import { stopLeftover } from './leftover-server.ts';

export interface EmbeddedServer {
  /** Arguments for the nats-server program. */
  readonly args: readonly string[];
  /** With its token: for the environment of our own processes, never for a command line or a log. */
  readonly url: string;
  /** For the program's environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where it says how it is; the path is a secret, since more can be read there. */
  readonly healthUrl: string;
}

const LOOPBACK = '127.0.0.1';

/**
 * Writes the configuration of the embedded nats-server: loopback, a free port, a random token, everything
 * under `DATA_DIR/nats`. A server that a killed supervisor left behind is stopped first.
 */
export async function prepareEmbeddedServer(config: Config): Promise<EmbeddedServer> {
  const folder = join(config.DATA_DIR, 'nats');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pidFile = join(folder, 'nats-server.pid');
  const file = join(folder, 'nats-server.conf');
  await stopLeftover(pidFile, file);
  const port = await freePort();
  const token = randomBytes(24).toString('base64url');
  const monitor = { port: await freePort(), path: randomBytes(24).toString('hex') };
  const text = configurationText({ folder, port, token, monitor, pidFile, config });
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return {
    args: ['-c', file],
    variables: { GOMEMLIMIT: String(memoryBytes(config)) },
    url: `nats://${token}@${LOOPBACK}:${port}`,
    healthUrl: `http://${LOOPBACK}:${monitor.port}/${monitor.path}/healthz`,
  };
}

/** Twice 110 for each event: in the index of the whole log, and in that of its block for two minutes after a use. */
const EVENT_BYTES = 240;
/** For the rest, above all blocks of the log that are being read or written. */
const OTHER_BYTES = 400_000_000;

/**
 * The memory that the server aims to stay within, 1.1 GB by default; it takes less than half of that for a full log at
 * rest. It is no bound: nothing is refused above it. But below it the server would collect garbage all the time: with
 * 600 MB, writing a million tasks took three times the CPU and reading them ten times.
 */
const memoryBytes = ({ MAX_LOG_EVENTS }: Config): number => OTHER_BYTES + MAX_LOG_EVENTS * EVENT_BYTES;

interface Values {
  readonly folder: string;
  readonly port: number;
  readonly token: string;
  readonly monitor: { readonly port: number; readonly path: string };
  readonly pidFile: string;
  readonly config: Config;
}

const configurationText = ({ folder, port, token, monitor, pidFile, config }: Values): string => `
server_name: wyvern
listen: "${LOOPBACK}:${port}"
authorization { token: "${token}" }
http: "${LOOPBACK}:${monitor.port}"
http_base_path: "/${monitor.path}"
pid_file: ${JSON.stringify(pidFile)}
log_file: ${JSON.stringify(join(folder, 'nats-server.log'))}
logfile_size_limit: 16MB
logfile_max_num: 3
max_payload: 1MB
# A front that is stopped by its garbage collector must not be cut off as a slow consumer.
max_pending: 256MB
jetstream {
  store_dir: ${JSON.stringify(join(folder, 'store'))}
  max_memory_store: 64MB
  max_file_store: ${storeBytes(config)}
  # 'always' is an fsync before every acknowledgement; the default would be two minutes.
  sync_interval: ${config.SYNC}
  limits {
    default_max_consumers: 10000
    # 1,000 tasks of one request, and the two records on which they may depend.
    batch { max_inflight_per_stream: 200, timeout: "5s", max_msgs: 1002 }
  }
}
`;

/**
 * Streams reserve what their limits name: the log, which may be given half more when it is full, the requests and the
 * checkpoints beside it, the files; and the archive, since one that is not wanted any more stays until it is too old. The
 * rest is the server's own.
 */
const storeBytes = ({ STORAGE, MAX_LOG_BYTES, MAX_ARCHIVE_BYTES, MAX_FILES_BYTES }: Config): number =>
  Math.ceil(MAX_LOG_BYTES * 1.6) +
  MAX_ARCHIVE_BYTES +
  (STORAGE === 'jetstream' ? MAX_FILES_BYTES : 0) +
  1_000_000_000;
