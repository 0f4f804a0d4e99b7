import type { ClusterInfo, JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { LogUnavailable } from '../log.ts';
import { findStream } from './any-stream.ts';
import { answered, STREAM } from './stream.ts';

/**
 * A leader hears of each of the others every second. Those that do not hear of it elect another one after 4 s at the
 * earliest: as long as this is shorter, a leader that has heard of them knows all that anybody was told.
 */
const HEARD_WITHIN_NS = 3_000_000_000;

/**
 * How the log is, as a leader knows it that the others follow. Rejects with `LogUnavailable` where there is none. A server
 * that is cut off from the others goes on to tell how the log was then: first as the leader that it was, or later for a
 * group that has none.
 */
export const logInfo = async (manager: JetStreamManager): Promise<StreamInfo> =>
  led(await answered(manager.streams.info(STREAM)));

/** The same for a log that may not be there: undefined then. */
export async function findLogInfo(manager: JetStreamManager): Promise<StreamInfo | undefined> {
  const info = await answered(findStream(manager, STREAM));
  return info && led(info);
}

function led(info: StreamInfo): StreamInfo {
  if (!isLed(info.cluster)) throw new LogUnavailable('the log has no leader');
  return info;
}

/** A nats-server by itself tells of no cluster. */
function isLed(cluster: ClusterInfo | undefined): boolean {
  if (!cluster) return true;
  if (!cluster.leader) return false;
  const others = cluster.replicas ?? [];
  const heard = others.filter(({ active }) => active > 0 && active < HEARD_WITHIN_NS);
  return heard.length + 1 > (others.length + 1) / 2;
}
