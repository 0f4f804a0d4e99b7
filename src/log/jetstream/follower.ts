import { setTimeout as delay } from 'node:timers/promises';
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
import type { Durability } from './durability.ts';
import { loudly } from './loudly.ts';
import { STREAM } from './stream.ts';

const AGAIN_MS = 500;
const HEARTBEAT_MS = 1_000;
/** Heartbeats in a row that are missed where the consumer, its server or the way to it is gone. */
const MISSED_AT_MOST = 3;

interface FollowParts {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly durability: Durability;
  /** Whether the stream has copies, of which one may lag. */
  readonly isReplicated: boolean;
  isConnected(): boolean;
}

/**
 * An ordered consumer over the whole log: it notices gaps and starts itself again from the last sequence,
 * across reconnects and elections. `expires` and `idle_heartbeat` are short because a consumer that lost
 * its leader waits for the former before it asks again.
 *
 * The client's consumer gives up after 30 tries in vain if it never received anything, so on a log that is
 * empty still; and it waits for the one server that its consumer lives on, also where that never comes back. Then another
 * one takes its place.
 */
export async function followStream(parts: FollowParts, options: FollowOptions): Promise<Following> {
  const { client, manager, durability, isReplicated, isConnected } = parts;
  const { state } = await manager.streams.info(STREAM);
  const head = state.last_seq;
  let reached: (head: number) => void = () => {};
  const caughtUp = new Promise<number>((resolve) => {
    reached = resolve;
  });
  if (options.after >= head || state.messages === 0) reached(head);
  let last = options.after;
  let isClosed = false;
  let isDoubted = false;
  let missed = 0;
  const receive = (message: JsMsg): void => {
    // What a consumer that was replaced had under way.
    if (message.seq <= last || isDoubted || isClosed) return;
    if (message.seq > last + 1) {
      if (isReplicated) return void doubt(message.seq);
      options.onMissed?.(message.seq - 1);
    }
    last = message.seq;
    if (isEventSubject(message.subject)) report(message, options);
    else options.onPassed?.(message.seq);
    if (message.seq >= head) reached(head);
  };
  /**
   * What the consumer jumped over may only be missing at a replica that lags (see `Reader`): the leader is asked for
   * the last of it, since the log lets go of the oldest first. If it has that, another consumer takes this one's place.
   */
  const doubt = async (seq: number): Promise<void> => {
    isDoubted = true;
    const doubted = messages;
    try {
      // It may have been replaced meanwhile, for its silence.
      if (!(await manager.streams.getMessage(STREAM, { seq: seq - 1 })) && last < seq - 1) {
        last = seq - 1;
        options.onMissed?.(last);
      }
    } catch {
      // Nobody leads: nothing is known to be gone.
    }
    await (await doubted).close();
  };
  const begin = async (): Promise<ConsumerMessages> => {
    const consumer = await client.consumers.get(STREAM, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: last + 1,
    });
    const begun = await consumer.consume({
      max_messages: 10_000,
      expires: 3_000,
      idle_heartbeat: HEARTBEAT_MS,
      callback: loudly((message: JsMsg) => {
        missed = 0;
        durability.through(message.seq, () => receive(message));
      }),
    });
    void begun.closed().then(beginAgain);
    void closeSilent(begun);
    return begun;
  };
  /** The client misses heartbeats too, but not from a lost connection on. It is counted, not timed: this process may have stood still. */
  const closeSilent = async (begun: ConsumerMessages): Promise<void> => {
    missed = 0;
    const timer = setInterval(() => {
      missed = isConnected() ? missed + 1 : 0;
      if (missed > MISSED_AT_MOST) void begun.close();
    }, HEARTBEAT_MS).unref();
    for await (const { type } of begun.status()) if (type === 'heartbeat') missed = 0;
    clearInterval(timer);
  };
  const beginAgain = async (): Promise<void> => {
    await delay(AGAIN_MS, undefined, { ref: false });
    if (isClosed) return;
    try {
      isDoubted = false;
      messages = begin();
      await messages;
    } catch {
      // The log is away, which others tell; it is asked again until it is back.
      void beginAgain();
    }
  };
  let messages = begin();
  await messages;
  return {
    caughtUp,
    close: async () => {
      isClosed = true;
      // One that could not begin has nothing to close.
      await messages.then((begun) => begun.close()).catch(() => {});
    },
  };
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
