import type { BatchCallback, JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { readHistory } from '../../src/log/jetstream/history.ts';
import { newKey } from '../../src/log/key.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { completed } from '../actors/events.ts';
import { lifeOf } from './reading-support.ts';

const life = lifeOf('hello');
const messages = life.map(({ name, key, event, bytes }, index) => {
  return { subject: subjectOf(name, key, event), data: bytes, seq: index + 1 } as StoredMsg;
});

/** A server that breaks off its first answers: what it had yet to read has gone. */
function tearing(answers: number, held: readonly StoredMsg[]): JetStreamManager {
  let torn = 0;
  const getLastMessagesFor = async (_: string, { callback }: { callback: BatchCallback<StoredMsg> }) => {
    const err = torn++ < answers ? new Error('message not found') : undefined;
    for (const message of err ? held.slice(0, 2) : held) callback(null, message);
    callback(err ? { err } : {}, {} as StoredMsg);
  };
  return { direct: { getLastMessagesFor } } as unknown as JetStreamManager;
}

it('reads a history again that the server could not read to its end', async () => {
  for (const held of [messages, messages.slice(-1)]) {
    const from = { manager: tearing(1, held), isReplicated: false };
    expect((await readHistory(from, newKey())).map(({ seq }) => seq)).toEqual(held.map(({ seq }) => seq));
  }
  expect(life.at(-1)?.event).toEqual(completed(2));
});

it('tells nobody a part of a history as the whole', async () => {
  const from = { manager: tearing(100, messages), isReplicated: false };
  await expect(readHistory(from, newKey())).rejects.toBeInstanceOf(LogUnavailable);
});
