import type { ClusterInfo, JetStreamManager, PeerInfo } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { logInfo } from '../../../src/log/jetstream/log-info.ts';
import { LogUnavailable } from '../../../src/log/log.ts';

/** How long ago the leader heard of each of the others, in milliseconds; 0 if it never did. */
const heard = (...ago: readonly number[]): PeerInfo[] =>
  ago.map((ms, index) => ({
    name: `n${index + 2}`,
    current: true,
    offline: false,
    active: ms * 1_000_000,
    lag: 0,
  }));

const ask = (cluster: ClusterInfo | undefined) =>
  logInfo({ streams: { info: async () => ({ cluster }) } } as unknown as JetStreamManager);

it.each([
  ['a nats-server by itself', undefined],
  ['one of a cluster that has the only copy', { leader: 'n1' }],
  ['a leader that hears of the others', { leader: 'n1', replicas: heard(900, 20) }],
  ['a leader of three that hears of one', { leader: 'n1', replicas: heard(900, 0) }],
  ['a leader of five that hears of two', { leader: 'n1', replicas: heard(8_000, 20, 0, 900) }],
])('believes %s', async (_, cluster) => {
  expect(await ask(cluster)).toEqual({ cluster });
});

it.each([
  ['one that knows no leader', { replicas: heard(900, 20) }],
  ['a leader that has not heard of the others lately', { leader: 'n1', replicas: heard(3_000, 8_000) }],
  ['a leader that has never heard of the others', { leader: 'n1', replicas: heard(0, 0) }],
  ['a leader of five that hears of one', { leader: 'n1', replicas: heard(8_000, 20, 0, 3_100) }],
])('does not believe %s', async (_, cluster) => {
  await expect(ask(cluster)).rejects.toThrow(new LogUnavailable('the log has no leader'));
});
