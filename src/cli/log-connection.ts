import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../config.ts';
import { CredentialsRefused, connectToNats } from '../log/jetstream/connection.ts';
import { NotUnderstood } from '../log/jetstream/until-ready.ts';
import type { Logger } from '../logger.ts';
import { checkAuthority } from './certificate.ts';
import { CannotStart } from './terminal.ts';

/**
 * Connects to the servers at `NATS_URL`, which the parts of the service cannot do without. Rejects with `CannotStart`
 * when it is missing, its credentials are refused, or the authority to hold it to is none.
 */
export async function connectToLog(config: Config, name: string, logger: Logger): Promise<NatsConnection> {
  if (!config.NATS_URL)
    throw new CannotStart(
      "NATS_URL is missing: set it, or run 'npm start', which brings a nats-server of its own",
    );
  await checkAuthority(config);
  try {
    return await connectToNats(config.NATS_URL, name, config, logger);
  } catch (error) {
    throw error instanceof CredentialsRefused
      ? new CannotStart(`${error.message} in NATS_URL`, { cause: error })
      : error;
  }
}

/** What is opened on those servers. Rejects with `CannotStart` when they will never do what they are asked for it. */
export async function orCannotStart<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    throw error instanceof NotUnderstood ? new CannotStart(error.message, { cause: error }) : error;
  }
}
