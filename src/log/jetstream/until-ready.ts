import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../logger.ts';

const RETRY_MS = 250;

/**
 * Does something again and again until it succeeds: a JetStream that is still starting, or electing, refuses it. `onFailure`
 * is told of each time.
 */
export async function untilReady<T>(
  what: string,
  action: () => Promise<T>,
  logger: Logger,
  onFailure: (error: unknown) => void = () => {},
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      onFailure(error);
      // Every few seconds a word, so that a wrong set-up does not look like a slow one.
      if (tries % 20 === 0) logger.warn({ err: error }, `still waiting for ${what}`);
      await delay(RETRY_MS);
    }
  }
}
