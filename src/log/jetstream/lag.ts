import type { JetStreamManager } from '@nats-io/jetstream';
import { STREAM } from './stream.ts';

/**
 * Whether the log has what a consumer passed over as gone, up to this sequence. A consumer is served by one of the
 * replicas, and one that is catching up after its leader's death has been seen to begin after what it had yet to get; so
 * the leader is asked for the last of it, since the log lets go of the oldest first. While nobody leads, nothing is known
 * to be gone.
 */
export async function isOnlyLagging(manager: JetStreamManager, through: number): Promise<boolean> {
  try {
    return (await manager.streams.getMessage(STREAM, { seq: through })) !== null;
  } catch {
    return true;
  }
}
