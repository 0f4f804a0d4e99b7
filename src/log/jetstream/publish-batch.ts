import { nuid } from '@nats-io/transport-node';
import { LogUnavailable } from '../log.ts';
import type { Condition } from './creates.ts';
import { type Publisher, rawHeaders } from './publisher.ts';

/**
 * Publishes an atomic batch of at least one message, in one round trip: they are stored side by side, all or none. Resolves
 * with the sequence of the last. Rejects as `Publisher.publish` does.
 */
export async function publishBatch(
  publisher: Pick<Publisher, 'connected' | 'send' | 'publish'>,
  messages: readonly Condition[],
): Promise<number> {
  if (!publisher.connected) throw new LogUnavailable('not connected to the log');
  const batch = nuid.next();
  for (const [index, { subject, data, conditions }] of messages.entries()) {
    const lines = [`Nats-Batch-Id: ${batch}`, `Nats-Batch-Sequence: ${index + 1}`, ...conditions];
    if (index < messages.length - 1) publisher.send(subject, data, rawHeaders(...lines));
    else return publisher.publish(subject, data, rawHeaders(...lines, 'Nats-Batch-Commit: 1'));
  }
  throw new RangeError('an empty batch');
}
