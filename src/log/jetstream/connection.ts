import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../../logger.ts';

/**
 * The process's one connection. It reconnects for ever; the first connect waits for the server too.
 *
 * Credentials may stand in the URL, `nats://token@host:port` or `nats://user:password@host:port`, and
 * `tls://` asks for TLS. Several servers are separated by commas.
 */
export async function connectToNats(urls: string, name: string, logger: Logger): Promise<NatsConnection> {
  const parsed = urls
    .split(',')
    .map((url) => new URL(url.includes('://') ? url.trim() : `nats://${url.trim()}`));
  const [first] = parsed;
  const user = decodeURIComponent(first?.username ?? '');
  const pass = decodeURIComponent(first?.password ?? '');
  const connection = await connect({
    servers: parsed.map((url) => url.host),
    name,
    ...(user && pass ? { user, pass } : user ? { token: user } : {}),
    ...(first?.protocol === 'tls:' ? { tls: {} } : {}),
    // An Error with its stack for each request costs 20 µs a publish.
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    waitOnFirstConnect: true,
    // A server that is stopped but not dead is noticed within two of these.
    pingInterval: 2_000,
    maxPingOut: 2,
  });
  void tellStatus(connection, logger);
  return connection;
}

async function tellStatus(connection: NatsConnection, logger: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') logger.warn('lost the connection to nats-server');
    else if (status.type === 'reconnect') logger.info('reconnected to nats-server');
    else if (status.type === 'error') logger.error({ err: status.error }, 'nats-server reported an error');
  }
}
