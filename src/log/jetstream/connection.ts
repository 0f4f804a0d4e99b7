import { setTimeout as delay } from 'node:timers/promises';
import { connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { type Config, splitList } from '../../config.ts';
import type { Logger } from '../../logger.ts';

const TELL_AFTER_MS = 1_000;
const TELL_EVERY_MS = 10_000;

const AGAIN_MS = 250;

/** Who is asked does not know the credentials. */
export class CredentialsRefused extends Error {
  override readonly name = 'CredentialsRefused';
}

/**
 * The process's one connection. It reconnects for ever; the first connect waits for the server too, but rejects
 * with `CredentialsRefused` when that does not know the credentials.
 *
 * Credentials may stand in the URL, `nats://token@host:port` or `nats://user:password@host:port`, and
 * `tls://` asks for TLS, with a server that `NATS_CA` has signed. Several servers are separated by commas.
 */
export async function connectToNats(
  urls: string,
  name: string,
  config: Pick<Config, 'NATS_CA'>,
  logger: Logger,
): Promise<NatsConnection> {
  const options = { ...optionsOf(urls, config), name };
  const hosts = options.servers.join(', ');
  let toldAt = performance.now() + TELL_AFTER_MS - TELL_EVERY_MS;
  for (;;) {
    try {
      const connection = await connect(options);
      void tellStatus(connection, logger);
      return connection;
    } catch (error) {
      if (error instanceof errors.AuthorizationError)
        throw new CredentialsRefused(`nats-server at ${hosts} refuses the credentials`, { cause: error });
      // A server that is not there yet may come later; meanwhile a wrong address must not look like a slow start.
      if (performance.now() - toldAt > TELL_EVERY_MS) {
        toldAt = performance.now();
        logger.warn(`waiting for nats-server at ${hosts}: ${(error as Error).message}`);
      }
      await delay(AGAIN_MS);
    }
  }
}

function optionsOf(urls: string, { NATS_CA }: Pick<Config, 'NATS_CA'>) {
  const parsed = splitList(urls).map((url) => new URL(url.includes('://') ? url : `nats://${url}`));
  const [first] = parsed;
  const user = decodeURIComponent(first?.username ?? '');
  const pass = decodeURIComponent(first?.password ?? '');
  return {
    servers: parsed.map((url) => url.host),
    ...(user && pass ? { user, pass } : user ? { token: user } : {}),
    ...(first?.protocol === 'tls:' ? { tls: NATS_CA ? { caFile: NATS_CA } : {} } : {}),
    // An Error with its stack for each request costs 20 µs a publish.
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    // Otherwise a server that refuses the credentials twice ends the connection for good, and silently.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: AGAIN_MS,
    // A server that is stopped but not dead is noticed within two of these.
    pingInterval: 2_000,
    // An attempt to connect that leads nowhere makes way for the next one; by itself it would take 20 s.
    timeout: 5_000,
    maxPingOut: 2,
  };
}

/** Once each, until the connection is back: a server that refuses the credentials does so three times a second. */
async function tellStatus(connection: NatsConnection, logger: Logger): Promise<void> {
  let isUp = true;
  const told = new Set<string>();
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') {
      if (isUp) logger.warn('lost the connection to nats-server');
      isUp = false;
    } else if (status.type === 'reconnect') {
      if (!isUp) logger.info('reconnected to nats-server');
      isUp = true;
      told.clear();
    } else if (status.type === 'error' && !told.has(status.error.message)) {
      told.add(status.error.message);
      logger.error({ err: status.error }, 'nats-server reported an error');
    }
  }
}
