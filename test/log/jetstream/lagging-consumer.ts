import type { JetStreamManager } from '@nats-io/jetstream';
import type { Msg, MsgHdrs, NatsConnection, SubscriptionOptions } from '@nats-io/transport-node';
import { parseAckSubject } from '../../../src/log/jetstream/ack-subject.ts';

interface Lag {
  /** The replica has what is up to this sequence. */
  readonly has: number;
  /** How many of the consumer's messages came later. */
  readonly missing: number;
}

interface Reached {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

/**
 * A server whose consumers are served by a replica that lags: it gets the rest when it has told that there is nothing more
 * to deliver.
 */
export function laggingConsumers({ connection, manager }: Reached, { has, missing }: Lag): Reached {
  let lags = true;
  let words = 0;
  const held: Msg[] = [];

  const subscribe = (inbox: string, options: SubscriptionOptions) => {
    const pass = options.callback as (error: Error | null, message: Msg) => void;
    const callback = (error: Error | null, message: Msg): void => {
      if (error || !lags) return pass(error, message);
      if (message.subject !== inbox) {
        const { seq } = parseAckSubject(message.reply ?? '');
        if (seq > has) held.push(message);
        else pass(null, { ...asPlain(message), reply: withFewerPending(message.reply ?? '', missing) });
        return;
      }
      if (message.headers?.code !== 100) return pass(null, message);
      const looked = Math.min(has, Number(message.headers.get('Nats-Last-Stream')));
      if (++words === 1) return pass(null, { ...asPlain(message), headers: wordOf(looked) });
      lags = false;
      for (const late of held) pass(null, late);
    };
    return connection.subscribe(inbox, { ...options, callback });
  };
  const add: JetStreamManager['consumers']['add'] = async (...args) => {
    const info = await manager.consumers.add(...args);
    return lags ? { ...info, num_pending: info.num_pending - missing } : info;
  };
  const info: JetStreamManager['consumers']['info'] = async (...args) => {
    const told = await manager.consumers.info(...args);
    const { delivered } = told;
    return lags
      ? { ...told, delivered: { ...delivered, consumer_seq: delivered.consumer_seq - held.length } }
      : told;
  };
  return {
    connection: replacing(connection, { subscribe }),
    manager: replacing(manager, { consumers: replacing(manager.consumers, { add, info }) }),
  };
}

const asPlain = ({ subject, sid, data, headers }: Msg): Msg => ({ subject, sid, data, headers }) as Msg;

const wordOf = (looked: number) => ({ code: 100, get: () => String(looked) }) as unknown as MsgHdrs;

function withFewerPending(reply: string, missing: number): string {
  const { pending } = parseAckSubject(reply);
  const tokens = reply.split('.');
  tokens[tokens.length > 9 ? 10 : 8] = String(pending - missing);
  return tokens.join('.');
}

const replacing = <T extends object>(of: T, by: object): T =>
  new Proxy(of, {
    get: (target, name) => {
      const value = Reflect.get(name in by ? by : target, name);
      return typeof value === 'function' && !(name in by) ? value.bind(target) : value;
    },
  });
