import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../../logger.ts';
import type { Durability } from './durability.ts';
import { Pulling, type PullOptions } from './pulling.ts';
import type { SharedExtent } from './shared-extent.ts';

export const AGAIN_MS = 250;

export interface ReaderParts {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  /** Whether the stream has copies, of which one may lag. */
  readonly isReplicated: boolean;
  readonly durability: Durability;
  readonly extent: SharedExtent;
  readonly logger: Logger;
}

/** Asks a log that does not answer again and again. Undefined once the signal is aborted. */
export async function patiently<T>(
  { logger }: ReaderParts,
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  for (let tries = 1; !signal.aborted; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries % 20 === 0) logger.warn({ err: error }, 'a reader is still waiting for the log');
      await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

/** As `Pulling.open`, for a log that may not answer. Undefined once the signal is aborted. */
export const openPatiently = (parts: ReaderParts, options: PullOptions): Promise<Pulling | undefined> =>
  patiently(parts, () => Pulling.open(parts.connection, parts.manager, options), options.signal);
