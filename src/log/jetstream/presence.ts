import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Presence, WorkerReport } from '../presence.ts';
import { loudly } from './loudly.ts';

const HERE = 'wyvern.worker.here';
const GONE = 'wyvern.worker.gone';
const WHO = 'wyvern.worker.who';

/** Presence over plain NATS messages, outside of any stream. */
export const natsPresence = (connection: NatsConnection): Presence => ({
  announce: (report) => void (connection.isClosed() || connection.publish(HERE, JSON.stringify(report))),
  leave: (worker) => void (connection.isClosed() || connection.publish(GONE, worker)),
  onListener: (announce) => void connection.subscribe(WHO, { callback: loudly(announce) }),
  listen(listener) {
    const callback = (hear: (message: Msg) => void) =>
      loudly((error: Error | null, message: Msg) => {
        if (!error) hear(message);
      });
    connection.subscribe(HERE, {
      callback: callback((message) => {
        // Earlier versions do not say which names they have no place for.
        const { full = [], ...report } = message.json<WorkerReport>();
        listener.heard({ ...report, full });
      }),
    });
    connection.subscribe(GONE, { callback: callback((message) => listener.gone(message.string())) });
    connection.publish(WHO);
  },
});
