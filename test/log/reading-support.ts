import { jetstreamManager } from '@nats-io/jetstream';
import type { TaskEvent } from '../../actors/event.ts';
import { hashOf } from '../../src/log/envelope.ts';
import { eventDate } from '../../src/log/event-date.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import type { Append } from '../../src/log/log.ts';
import type { Entry, ReadOptions } from '../../src/log/reading.ts';
import type { RecordedEvent } from '../../src/log/recorded-event.ts';
import { seal } from '../../src/log/seal.ts';
import { completed, progress, queued, retried, started } from '../actors/events.ts';
import { TestLog } from '../support/nats.ts';

/** What every task of these tests comes to; `dated` may give its events other dates. */
export function lifeOf(name: string, dated = <E extends TaskEvent>(event: E): E => event): Append[] {
  const life = [seal({ name, key: newKey() }, dated(queued()))];
  for (const event of [started(1), progress(1, 50), retried(1), started(2), completed(2)])
    life.push(after(life.at(-1) as Append, dated(event)));
  return life;
}

/** The same, dated now. */
export const lifeOfNow = (name: string): Append[] =>
  lifeOf(name, (event) => ({
    ...event,
    at: eventDate(),
    ...(event.type === 'retried' && { next: eventDate() }),
  }));

/** The event of a task that follows another one. */
export const after = (entry: Append, event: TaskEvent): Append => seal(entry, event, hashOf(entry.bytes));
export const never = new AbortController().signal;
export const isEvent = (entry: Entry): entry is RecordedEvent => 'rest' in entry;
export const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Everything of a reading that comes to an end. */
export async function all(log: JetStreamLog, options: Partial<ReadOptions>): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const { entries } of log.read({ after: 0, signal: never, ...options })) found.push(...entries);
  return found;
}

/** Reads on until something says enough; resolves with what came and where it stands. */
export async function some(
  log: JetStreamLog,
  options: Partial<ReadOptions>,
  isEnough: (found: readonly Entry[]) => boolean,
): Promise<{ found: Entry[]; through: number }> {
  const found: Entry[] = [];
  for await (const { entries, through } of log.read({ after: 0, signal: never, ...options })) {
    found.push(...entries);
    if (isEnough(found)) return { found, through };
  }
  throw new Error('the reading has ended');
}

/** A server with a log that is read, one that is written, and what an operator sees and does. */
export interface Stage extends AsyncDisposable {
  readonly server: TestLog;
  readonly log: JetStreamLog;
  readonly writer: JetStreamLog;
  /** Consumers that the stream has. */
  consumers(): Promise<number>;
  /** Lets go of all that is before a sequence. */
  purge(before: number): Promise<unknown>;
}

export async function openStage(): Promise<Stage> {
  const server = await TestLog.start();
  const { log, connection } = await server.open();
  const { log: writer } = await server.open();
  const manager = await jetstreamManager(connection);
  return {
    server,
    log,
    writer,
    consumers: async () => (await manager.streams.info('TASKS')).state.consumer_count,
    purge: (seq) => manager.streams.purge('TASKS', { seq }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
