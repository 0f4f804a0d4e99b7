import { nuid } from '@nats-io/transport-node';
import { LogUnavailable } from '../log.ts';
import type { Publisher } from './publisher.ts';

export interface BatchMessage {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** Header lines. */
  readonly headers: readonly string[];
}

/** What is stored in one batch with events, and on which side of them. */
export interface Companions {
  readonly before: readonly BatchMessage[];
  readonly behind: readonly BatchMessage[];
}

/**
 * Publishes an atomic batch of at least one message, in one round trip: they are stored side by side, all or none. Resolves
 * with the sequence of the last. Rejects as `Publisher.publish` does.
 */
export async function publishBatch(
  publisher: Pick<Publisher, 'connected' | 'send' | 'publish'>,
  messages: readonly BatchMessage[],
): Promise<number> {
  if (!publisher.connected) throw new LogUnavailable('not connected to the log');
  const batch = nuid.next();
  for (const [index, { subject, bytes, headers }] of messages.entries()) {
    const lines = [`Nats-Batch-Id: ${batch}`, `Nats-Batch-Sequence: ${index + 1}`, ...headers];
    if (index < messages.length - 1) publisher.send(subject, bytes, lines);
    else return publisher.publish(subject, bytes, [...lines, 'Nats-Batch-Commit: 1']);
  }
  throw new RangeError('an empty batch');
}
