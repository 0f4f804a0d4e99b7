import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JetStreamUpkeep } from '../../../src/log/jetstream/upkeep.ts';
import { LogUnavailable } from '../../../src/log/log.ts';
import { lifeOf, openStage, type Stage } from '../reading-support.ts';

let stage: Stage;
let manager: JetStreamManager;
beforeAll(async () => {
  stage = await openStage();
  const { connection } = await stage.server.open();
  manager = await jetstreamManager(connection);
  await stage.log.appendAll(lifeOf('hello'));
});
afterAll(() => stage[Symbol.asyncDispose]());

/** A server of which replicas have none of this yet. */
const withoutReplicas = (): JetStreamManager =>
  new Proxy(manager, {
    get: (of, name) => (name === 'direct' ? { getMessage: async () => null } : Reflect.get(of, name)),
  });

const upkeepOn = (given: JetStreamManager) =>
  new JetStreamUpkeep({ manager: given, patient: given, isArchived: false });

describe('the first event since a time', () => {
  it('is that of the leader, whatever its replicas have', async () => {
    const upkeep = upkeepOn(withoutReplicas());
    const { nowMs = 0 } = (await upkeep.volume()) ?? {};
    expect(await upkeep.firstSince(nowMs - 60_000)).toBe(1);
    expect(await upkeep.firstSince(nowMs + 60_000)).toBeUndefined();
  });

  it('cannot be told by a log that is not there', async () => {
    const streams = { getMessage: () => Promise.reject(new Error('no responders')) };
    const upkeep = upkeepOn({ streams } as unknown as JetStreamManager);
    await expect(upkeep.firstSince(0)).rejects.toBeInstanceOf(LogUnavailable);
  });
});

it('does not measure a log of which no leader is followed: a server that is cut off has it as it was', async () => {
  const cutOff = {
    streams: { info: async () => ({ ...(await manager.streams.info('TASKS')), cluster: { replicas: [] } }) },
  } as unknown as JetStreamManager;
  await expect(upkeepOn(cutOff).volume()).rejects.toBeInstanceOf(LogUnavailable);
});
