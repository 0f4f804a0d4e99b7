import type { NatsConnection } from '@nats-io/transport-node';
import type { Presence, WorkerReport } from '../presence.ts';

const HERE = 'wyvern.worker.here';
const GONE = 'wyvern.worker.gone';

/** Presence over plain NATS messages, outside of any stream. */
export const natsPresence = (connection: NatsConnection): Presence => ({
  announce: (report) => void (connection.isClosed() || connection.publish(HERE, JSON.stringify(report))),
  leave: (worker) => void (connection.isClosed() || connection.publish(GONE, worker)),
  listen({ heard, gone }) {
    connection.subscribe(HERE, {
      callback: (error, message) => {
        if (!error) heard(message.json<WorkerReport>());
      },
    });
    connection.subscribe(GONE, {
      callback: (error, message) => {
        if (!error) gone(message.string());
      },
    });
  },
});
