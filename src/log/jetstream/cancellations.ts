import type { NatsConnection } from '@nats-io/transport-node';
import type { Cancellations } from '../cancellations.ts';
import { loudly } from './loudly.ts';

const CANCELED = 'wyvern.task.canceled';

/** Cancellations over plain NATS messages, outside of any stream; a thousand keys are 27 kB. */
export const natsCancellations = (connection: NatsConnection): Cancellations => ({
  tell: (keys) => void (connection.isClosed() || connection.publish(CANCELED, keys.join(' '))),
  listen(onCanceled) {
    connection.subscribe(CANCELED, {
      callback: loudly((error, message) => {
        if (!error) for (const key of message.string().split(' ')) onCanceled(key);
      }),
    });
  },
});
