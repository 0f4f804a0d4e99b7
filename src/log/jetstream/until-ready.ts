import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../logger.ts';
import { hasCode } from './any-stream.ts';

const RETRY_MS = 250;
/** What JetStream calls a request that it cannot parse. */
const INVALID_JSON = 10_025;

/** What a person can do about refusals that do not pass by themselves, by JetStream's numbers of them. */
const ADVICE = new Map([
  [10_047, 'MAX_LOG_BYTES, MAX_ARCHIVE_BYTES and MAX_FILES_BYTES name more than its max_file_store'],
  [10_074, 'REPLICAS names more nats-servers than the cluster has, or there is no cluster'],
]);

/** The nats-server cannot read what it is asked: it is no use to ask again. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
}

/**
 * Does something again and again until it succeeds: a JetStream that is still starting, or electing, refuses it. `onFailure`
 * is told of each time.
 *
 * Rejects with `NotUnderstood`, and with nothing else. Other refusals may pass, also those that call the request bad: of two
 * fronts that make the log with different settings one is refused, and finds it made when it asks again.
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
      if (hasCode(error, INVALID_JSON))
        throw new NotUnderstood(
          `nats-server does not understand what it is asked for ${what}: ${(error as Error).message}`,
          { cause: error },
        );
      // Every few seconds a word, so that a wrong set-up does not look like a slow one.
      if (tries % 20 === 0) logger.warn(explain(error), `still waiting for ${what}`);
      await delay(RETRY_MS);
    }
  }
}

/** A refusal needs no stack. */
function explain(error: unknown): object {
  for (const [code, advice] of ADVICE)
    if (hasCode(error, code)) return { reason: (error as Error).message, advice };
  return { err: error };
}
