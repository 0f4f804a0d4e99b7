import type { JetStreamManager } from '@nats-io/jetstream';
import { type Msg, type NatsConnection, nuid, type Subscription } from '@nats-io/transport-node';
import type { Queued } from '../../../actors/event.ts';
import type { Logger } from '../../logger.ts';
import { decodeEvent, hashOf } from '../envelope.ts';
import { queuedName } from '../subject.ts';
import type { Delivery, TakeOptions, Taking } from '../task-queue.ts';
import { parseAckSubject } from './ack-subject.ts';
import { Lease } from './lease.ts';
import { loudly } from './loudly.ts';
import { consumerOf, ensureConsumer, STREAM } from './stream.ts';

/** How long the server keeps a request for tasks open. */
const PULL_EXPIRES_MS = 3_000;
/** A request that has not been answered by then died with its leader. */
const PULL_DEAD_MS = PULL_EXPIRES_MS + 1_500;

/** When a task that this worker cannot read is handed out again: another version may know it. */
const UNREADABLE_AGAIN_MS = 30_000;

/** One consumer's request under way: `open` more tasks may come until `deadAt`. */
interface Pull {
  open: number;
  readonly deadAt: number;
  /** Where its end is told; '' for none, only to wait. */
  readonly inbox: string;
}

/**
 * Takes queued tasks from the durable consumers, as many as the worker has places for.
 *
 * Each consumer has at most one request open, for as many tasks as there were places when it was sent; it
 * is renewed when it is used up or has expired. So nothing is prefetched beyond the places, and one worker
 * does not sit on tasks that another could run. Requests are written by hand because the client's own
 * `consume` stays silent for its `expires` after the consumer's leader has died.
 */
export class JetStreamTaking implements Taking {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #options: TakeOptions;
  readonly #logger: Logger;
  readonly #pulls = new Map<string, Pull>();
  /** The names of which no tasks are handed out just now. */
  readonly #refused = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #inbox = '';
  #requests = 0;
  #subscription: Subscription | undefined;
  #paused = false;
  #isConnected = true;

  constructor(connection: NatsConnection, manager: JetStreamManager, options: TakeOptions, logger: Logger) {
    this.#connection = connection;
    this.#manager = manager;
    this.#options = options;
    this.#logger = logger;
    this.#open();
    this.#timer = setInterval(() => this.#pull(), 500);
    void this.#watchConnection();
  }

  more(): void {
    if (this.#paused) {
      this.#paused = false;
      this.#open();
    } else this.#pull();
  }

  async pause(): Promise<void> {
    this.#paused = true;
    const subscription = this.#subscription;
    this.#subscription = undefined;
    // Draining takes what is on its way; merely unsubscribing would leave that to its lease.
    if (subscription && !subscription.isClosed()) await subscription.drain().catch(() => {});
  }

  #open(): void {
    this.#inbox = `_INBOX.${nuid.next()}.`;
    this.#subscription = this.#connection.subscribe(`${this.#inbox}*`, {
      callback: loudly((_, message) => this.#receive(message)),
    });
    this.#pulls.clear();
    this.#pull();
  }

  #pull(): void {
    // The client keeps for the next connection what is sent without one; then tasks would come where nobody listens any
    // more, since all begins anew there, and wait for their lease to run out.
    if (this.#paused || !this.#isConnected || this.#connection.isClosed()) return;
    const now = performance.now();
    for (const name of this.#options.names) {
      const pull = this.#pulls.get(name);
      if (pull && pull.open > 0 && pull.deadAt > now) continue;
      const batch = this.#options.free(name);
      if (batch <= 0) continue;
      const inbox = `${this.#inbox}${this.#requests++}`;
      this.#pulls.set(name, { open: batch, deadAt: now + PULL_DEAD_MS, inbox });
      this.#connection.publish(
        `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${consumerOf(name)}`,
        JSON.stringify({ batch, expires: PULL_EXPIRES_MS * 1_000_000 }),
        { reply: inbox },
      );
    }
  }

  #receive(message: Msg): void {
    if (message.subject.startsWith('_INBOX.')) return this.#receiveStatus(message);
    const delivery = this.#asDelivery(message);
    // One that cannot be read has used up a place of the request all the same.
    const name = delivery?.name ?? queuedName(message.subject);
    if (this.#refused.size > 0) this.#isServed(name);
    const pull = this.#pulls.get(name);
    if (pull) pull.open--;
    if (delivery) this.#options.onDelivery(delivery);
    if (pull?.open === 0) this.#pull();
  }

  /**
   * A request has ended: expired (408), or its consumer is gone or without a leader. Nothing is to be done for one whose
   * place another has taken, since this process or the server stood still: asked for anew, there would be two of them
   * from then on, and more with each time that they are used up.
   */
  #receiveStatus(message: Msg): void {
    const name = this.#options.names.find((each) => this.#pulls.get(each)?.inbox === message.subject);
    if (!name) return;
    const code = message.headers?.code;
    if (code === 408) {
      this.#isServed(name);
      this.#pulls.delete(name);
      this.#pull();
    } else if (code !== 100) {
      this.#isRefused(name, {
        consumer: consumerOf(name),
        code,
        reason: message.headers?.description,
      });
      // The timer asks again once the consumer is there.
      this.#pulls.set(name, { open: 1, deadAt: performance.now() + 1_000, inbox: '' });
      void ensureConsumer(this.#manager, name).catch(() => {});
    }
  }

  /** Told once for all names: in an election each of them is refused every second. */
  #isRefused(name: string, details: object): void {
    if (this.#refused.size === 0) this.#logger.warn(details, 'the log hands out no tasks, asking it again');
    this.#refused.add(name);
  }

  #isServed(name: string): void {
    if (this.#refused.delete(name) && this.#refused.size === 0)
      this.#logger.info('the log hands out tasks again');
  }

  #asDelivery(message: Msg): Delivery | undefined {
    const reply = message.reply ?? '';
    const { count, seq } = parseAckSubject(reply);
    const lease = new Lease((word) => {
      if (this.#isConnected) this.#connection.publish(reply, word);
      return this.#isConnected;
    });
    try {
      const { key, name, event } = decodeEvent(message.subject, message.data, seq);
      return {
        key,
        name,
        seq,
        count,
        queued: event as Queued,
        hash: hashOf(message.data),
        extend: () => lease.extend(),
        ack: () => lease.ack(),
        release: (delayMs) => lease.release(delayMs),
      };
    } catch (error) {
      // Another version may read it; this worker must not hold it, nor circle around it.
      this.#logger.error({ err: error, seq }, 'cannot read a queued task, leaving it to another worker');
      lease.release(UNREADABLE_AGAIN_MS);
      return undefined;
    }
  }

  /** Begins anew with each connection, and ends with the last. */
  async #watchConnection(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect') this.#isConnected = false;
      if (type !== 'reconnect') continue;
      this.#isConnected = true;
      if (this.#paused) continue;
      this.#subscription?.unsubscribe();
      this.#open();
    }
    this.#isConnected = false;
    clearInterval(this.#timer);
  }
}
