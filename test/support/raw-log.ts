import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

/** One message of the log as it is stored, read past all code of the service. */
export interface RawRecord {
  readonly seq: number;
  readonly subject: string;
  /** The stored bytes, which are UTF-8. */
  readonly data: string;
  /** When nats-server stored it, in milliseconds since 1970. */
  readonly storedAt: number;
}

/** A connection to the embedded nats-server of a service that runs on this folder. */
export const connectToLogOf = async (dataDir: string): Promise<NatsConnection> =>
  connect(await addressOf(dataDir));

/** The same server as `NATS_URL` takes it, with its token. */
export async function natsUrlOf(dataDir: string): Promise<string> {
  const { servers, token } = await addressOf(dataDir);
  return `nats://${token}@${servers}`;
}

async function addressOf(dataDir: string): Promise<{ servers: string; token: string }> {
  const settings = await readFile(join(dataDir, 'nats', 'nats-server.conf'), 'utf8');
  const [, servers] = /listen: "([^"]+)"/.exec(settings) as unknown as [string, string];
  const [, token] = /token: "([^"]+)"/.exec(settings) as unknown as [string, string];
  return { servers, token };
}

/** Everything that is in the log now, in its order. */
export async function readRawLog(connection: NatsConnection): Promise<RawRecord[]> {
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info('TASKS');
  const records: RawRecord[] = [];
  if (state.messages === 0) return records;
  const consumer = await jetstream(connection).consumers.get('TASKS', { deliver_policy: DeliverPolicy.All });
  const messages = await consumer.consume({ max_messages: 1_000 });
  for await (const message of messages) {
    const { seq, subject, time } = message;
    records.push({ seq, subject, data: message.string(), storedAt: time.getTime() });
    if (message.seq >= state.last_seq) break;
  }
  return records;
}
