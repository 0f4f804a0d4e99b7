import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../../logger.ts';
import type { Durability } from './durability.ts';
import { Pulling, type PullOptions } from './pulling.ts';
import type { SharedExtent } from './shared-extent.ts';

export const AGAIN_MS = 250;
/** Who waits longer says so: the first one at once, and one for all of them from then on. */
const TELL_AFTER_MS = 5_000;
const TELL_EVERY_MS = 60_000;

/** When the log's readers said last that one of them waits; in milliseconds of this process. */
export class Impatience {
  #toldAt = Number.NEGATIVE_INFINITY;

  tell(logger: Logger, error: unknown): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    logger.warn({ err: error }, 'readers are still waiting for the log');
  }
}

export interface ReaderParts {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  /** Whether the stream has copies, of which one may lag. */
  readonly isReplicated: boolean;
  readonly durability: Durability;
  readonly extent: SharedExtent;
  readonly impatience: Impatience;
  readonly logger: Logger;
}

/** Asks a log that does not answer again and again. Undefined once the signal is aborted. */
export async function patiently<T>(
  { impatience, logger }: ReaderParts,
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const since = performance.now();
  while (!signal.aborted) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() - since > TELL_AFTER_MS) impatience.tell(logger, error);
      await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

/** As `Pulling.open`, for a log that may not answer. Undefined once the signal is aborted. */
export const openPatiently = (parts: ReaderParts, options: PullOptions): Promise<Pulling | undefined> =>
  patiently(parts, () => Pulling.open(parts.connection, parts.manager, options), options.signal);
