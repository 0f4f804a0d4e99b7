import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../../config.ts';
import type { Logger } from '../../logger.ts';

const TELL_AFTER_MS = 1_000;
const TELL_EVERY_MS = 10_000;

/**
 * The process's one connection. It reconnects for ever; the first connect waits for the server too.
 *
 * Credentials may stand in the URL, `nats://token@host:port` or `nats://user:password@host:port`, and
 * `tls://` asks for TLS, with a server that `NATS_CA` has signed. Several servers are separated by commas.
 */
export async function connectToNats(
  urls: string,
  name: string,
  { NATS_CA }: Pick<Config, 'NATS_CA'>,
  logger: Logger,
): Promise<NatsConnection> {
  const parsed = urls
    .split(',')
    .map((url) => new URL(url.includes('://') ? url.trim() : `nats://${url.trim()}`));
  const [first] = parsed;
  const user = decodeURIComponent(first?.username ?? '');
  const pass = decodeURIComponent(first?.password ?? '');
  const servers = parsed.map((url) => url.host);
  const connecting = connect({
    servers,
    name,
    ...(user && pass ? { user, pass } : user ? { token: user } : {}),
    ...(first?.protocol === 'tls:' ? { tls: NATS_CA ? { caFile: NATS_CA } : {} } : {}),
    // An Error with its stack for each request costs 20 µs a publish.
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    waitOnFirstConnect: true,
    // A server that is stopped but not dead is noticed within two of these.
    pingInterval: 2_000,
    // An attempt to connect that leads nowhere makes way for the next one; by itself it would take 20 s.
    timeout: 5_000,
    maxPingOut: 2,
  });
  const connection = await tellWaiting(connecting, servers, logger);
  void tellStatus(connection, logger);
  return connection;
}

/** A server that is not there yet may come later; meanwhile a wrong address must not look like a slow start. */
async function tellWaiting<T>(
  connecting: Promise<T>,
  servers: readonly string[],
  logger: Logger,
): Promise<T> {
  const tell = (): void => logger.warn(`waiting for nats-server at ${servers.join(', ')}`);
  const first = setTimeout(tell, TELL_AFTER_MS);
  const again = setInterval(tell, TELL_EVERY_MS);
  try {
    return await connecting;
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}

async function tellStatus(connection: NatsConnection, logger: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') logger.warn('lost the connection to nats-server');
    else if (status.type === 'reconnect') logger.info('reconnected to nats-server');
    else if (status.type === 'error') logger.error({ err: status.error }, 'nats-server reported an error');
  }
}
