import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type StreamState,
} from '@nats-io/jetstream';
import { deferred } from '../../deferred.ts';
import { decodeEvent } from '../envelope.ts';
import type { Following, FollowOptions } from '../log.ts';
import { isEventSubject } from '../subject.ts';
import type { Durability } from './durability.ts';
import { leaderHas } from './leader-has.ts';
import { logInfo } from './log-info.ts';
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
export class Follower implements Following {
  readonly caughtUp: Promise<number>;
  readonly #parts: FollowParts;
  readonly #options: FollowOptions;
  /** Where the log ended at the start. */
  readonly #head: number;
  readonly #reached: (head: number) => void;
  #last: number;
  #messages: Promise<ConsumerMessages>;
  /** The leader is asked for what the consumer jumped over: what it brings meanwhile is left to the next one. */
  #isDoubted = false;
  #isClosed = false;
  /** Heartbeats, since something was heard of the consumer. */
  #missed = 0;

  private constructor(parts: FollowParts, options: FollowOptions, { last_seq, messages }: StreamState) {
    this.#parts = parts;
    this.#options = options;
    this.#head = last_seq;
    this.#last = options.after;
    const { promise, resolve } = deferred<number>();
    this.caughtUp = promise;
    this.#reached = resolve;
    if (options.after >= last_seq || messages === 0) resolve(last_seq);
    this.#messages = this.#begin();
  }

  /** Rejects while the log does not answer. */
  static async start(parts: FollowParts, options: FollowOptions): Promise<Follower> {
    const { state } = await logInfo(parts.manager);
    const follower = new Follower(parts, options, state);
    await follower.#messages;
    return follower;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // One that could not begin has nothing to close.
    await this.#messages.then((begun) => begun.close()).catch(() => {});
  }

  async #begin(): Promise<ConsumerMessages> {
    const { client, durability } = this.#parts;
    const consumer = await client.consumers.get(STREAM, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#last + 1,
    });
    const begun = await consumer.consume({
      max_messages: 10_000,
      expires: 3_000,
      idle_heartbeat: HEARTBEAT_MS,
      callback: loudly((message: JsMsg) => {
        this.#missed = 0;
        durability.through(message.seq, () => this.#receive(message));
      }),
    });
    void begun.closed().then(() => this.#beginAgain());
    void this.#closeSilent(begun);
    return begun;
  }

  /** The client misses heartbeats too, but not from a lost connection on. It is counted, not timed: this process may have stood still. */
  async #closeSilent(begun: ConsumerMessages): Promise<void> {
    this.#missed = 0;
    const timer = setInterval(() => {
      this.#missed = this.#parts.isConnected() ? this.#missed + 1 : 0;
      if (this.#missed > MISSED_AT_MOST) void begun.close();
    }, HEARTBEAT_MS).unref();
    for await (const { type } of begun.status()) if (type === 'heartbeat') this.#missed = 0;
    clearInterval(timer);
  }

  async #beginAgain(): Promise<void> {
    await delay(AGAIN_MS, undefined, { ref: false });
    if (this.#isClosed) return;
    this.#isDoubted = false;
    this.#messages = this.#begin();
    // The log may be away, which others tell; it is asked again until it is back.
    await this.#messages.catch(() => void this.#beginAgain());
  }

  #receive(message: JsMsg): void {
    const { seq, subject } = message;
    // What a consumer that was replaced had under way.
    if (seq <= this.#last || this.#isDoubted || this.#isClosed) return;
    if (seq > this.#last + 1) {
      if (this.#parts.isReplicated) return void this.#doubt(seq - 1);
      this.#options.onMissed?.(seq - 1);
    }
    this.#last = seq;
    if (isEventSubject(subject)) report(message, this.#options);
    else this.#options.onPassed?.(seq);
    if (seq >= this.#head) this.#reached(this.#head);
  }

  /**
   * The consumer jumped over what is up to this sequence. If the leader has the last of that (the log lets go of the oldest
   * first), its replica only lags. Another one takes its place, which begins where it is due.
   */
  async #doubt(through: number): Promise<void> {
    this.#isDoubted = true;
    const doubted = this.#messages;
    const part = { stream: STREAM, from: through, to: through, filters: [] };
    const isOnlyLagging = await leaderHas(this.#parts.manager, part);
    // It may have been replaced meanwhile, for its silence.
    if (!isOnlyLagging && this.#last < through) {
      this.#last = through;
      this.#options.onMissed?.(through);
    }
    await (await doubted).close();
  }
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
