import {
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { decodeEvent } from '../envelope.ts';
import type { Following, FollowOptions } from '../log.ts';
import { isEventSubject } from '../subject.ts';
import { loudly } from './loudly.ts';
import { STREAM } from './stream.ts';

/**
 * An ordered consumer over the whole log: it notices gaps and starts itself again from the last sequence,
 * across reconnects and elections. `expires` and `idle_heartbeat` are short because a consumer that lost
 * its leader waits for the former before it asks again.
 */
export async function followStream(
  client: JetStreamClient,
  manager: JetStreamManager,
  options: FollowOptions,
): Promise<Following> {
  const { state } = await manager.streams.info(STREAM);
  const head = state.last_seq;
  const consumer = await client.consumers.get(STREAM, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(options.after + 1, state.first_seq, 1),
  });
  let reached: () => void = () => {};
  const caughtUp = new Promise<void>((resolve) => {
    reached = resolve;
  });
  if (options.after >= head || state.messages === 0) reached();
  const messages: ConsumerMessages = await consumer.consume({
    max_messages: 10_000,
    expires: 3_000,
    idle_heartbeat: 1_000,
    callback: loudly((message: JsMsg) => {
      if (isEventSubject(message.subject)) report(message, options);
      if (message.seq >= head) reached();
    }),
  });
  return { caughtUp, close: async () => void (await messages.close()) };
}

function report(message: JsMsg, { onEvent, onUnreadable }: FollowOptions): void {
  let event: ReturnType<typeof decodeEvent>;
  try {
    event = decodeEvent(message.subject, message.data, message.seq);
  } catch (error) {
    onUnreadable(error as Error, message.seq);
    return;
  }
  onEvent(event);
}
