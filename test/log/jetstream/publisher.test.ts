import type { NatsConnection } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { EXPECT_NONE, NotNow, Publisher, WrongLastSequence } from '../../../src/log/jetstream/publisher.ts';
import { EventRefused, LogFull, LogUnavailable } from '../../../src/log/log.ts';

interface Answered {
  readonly data: Uint8Array;
  readonly subject: string;
}

/** A connection whose server answers every message with the same bytes. */
function answering(text: string): NatsConnection {
  let hear: (error: null, message: Answered) => void = () => {};
  const connection = {
    subscribe: (_: string, { callback }: { callback: typeof hear }) => {
      hear = callback;
    },
    publish: (_: string, __: Uint8Array, { reply }: { reply: string }) =>
      setImmediate(() => hear(null, { data: Buffer.from(text), subject: reply })),
    status: async function* () {
      await new Promise(() => {});
    },
  };
  return connection as unknown as NatsConnection;
}

async function outcome(text: string): Promise<unknown> {
  const publisher = new Publisher(answering(text));
  try {
    return await publisher
      .publish('task.queued.hello', Buffer.from('{}'), EXPECT_NONE)
      .catch((error: unknown) => error);
  } finally {
    publisher.close();
  }
}

const refusal = (code: number, err_code: number, description: string): string =>
  JSON.stringify({ error: { code, err_code, description }, stream: 'TASKS', seq: 0 });

/** What a stream can answer to a message or to a batch, from the error table of nats-server 2.15. */
const ERRORS: readonly [number, number, string, new (...args: never[]) => Error][] = [
  [400, 10071, 'wrong last sequence: 7', WrongLastSequence],
  [400, 10164, 'wrong last sequence', WrongLastSequence],
  [503, 10077, 'maximum messages exceeded', LogFull],
  [503, 10077, 'maximum bytes exceeded', LogFull],
  [503, 10077, 'write /data/msgs/1.blk: no space left on device', LogFull],
  [400, 10002, 'resource limits exceeded for account', LogFull],
  [503, 10023, 'insufficient resources', LogFull],
  [500, 10028, 'insufficient memory resources available', LogFull],
  [500, 10047, 'insufficient storage resources available', LogFull],
  [400, 10054, 'message size exceeds maximum allowed', EventRefused],
  [400, 10097, 'header size exceeds maximum allowed of 64k', EventRefused],
  [503, 10008, 'JetStream system temporarily unavailable', NotNow],
  [500, 10009, 'JetStream cluster can not handle request', NotNow],
  [503, 10076, 'JetStream not enabled', NotNow],
  [503, 10039, 'JetStream not enabled for account', NotNow],
  [500, 10118, 'stream is offline', NotNow],
  [409, 10158, 'duplicate message id is in process', NotNow],
  [429, 10167, 'too many requests', NotNow],
  [400, 10176, 'atomic publish batch is incomplete', NotNow],
  [429, 10210, 'atomic publish too many inflight', NotNow],
  [429, 10211, 'atomic publish too many inflight', NotNow],
];

describe('what the stream answers is told apart', () => {
  it('an acknowledgement gives the sequence', async () => {
    expect(await outcome('{"stream":"TASKS","seq":12}')).toBe(12);
  });

  it.each(ERRORS)('%i, error %i, "%s"', async (code, err_code, description, kind) => {
    const error = await outcome(refusal(code, err_code, description));
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(description);
  });

  it('of the two conflicts the one between replicas is not decided yet', async () => {
    expect(await outcome(refusal(400, 10071, 'wrong last sequence: 7'))).toMatchObject({
      isUndecided: false,
    });
    expect(await outcome(refusal(400, 10164, 'wrong last sequence'))).toMatchObject({ isUndecided: true });
  });

  it('an error that nobody knows yet passes', async () => {
    expect(await outcome(refusal(500, 19_999, 'something new'))).toBeInstanceOf(NotNow);
  });

  it('no answer at all, because nobody leads the stream, passes', async () => {
    expect(await outcome('')).toBeInstanceOf(NotNow);
  });

  it('what was under way when the log is closed is not known to be stored', async () => {
    const silent = { subscribe: () => {}, publish: () => {}, status: async function* () {} };
    const publisher = new Publisher(silent as unknown as NatsConnection);
    const pending = publisher
      .publish('task.queued.hello', Buffer.from('{}'), EXPECT_NONE)
      .catch((error: unknown) => error);
    publisher.close();
    expect(await pending).toBeInstanceOf(LogUnavailable);
  });
});
