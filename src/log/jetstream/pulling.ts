import { AckPolicy, DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream';
import { type Msg, type NatsConnection, nanos, nuid, type Subscription } from '@nats-io/transport-node';
import { parseAckSubject } from './ack-subject.ts';
import { loudly } from './loudly.ts';
import { Permits } from './permits.ts';
import { MAX_EVENT_BYTES } from './stream.ts';

/** Messages of one request: a reader that stalls holds at most those that it has and those of the next one. */
const PULL_MESSAGES = 500;
/** Bytes of one request, as a rule; and of one for a message that does not fit, which would never come otherwise. */
const PULL_BYTES = 256 * 1024;
const LARGE_PULL_BYTES = MAX_EVENT_BYTES + 128 * 1024;
/**
 * Readers of this process that may have pages on their way at once, of those that are behind. They share the connection with
 * all else: 300 that read the log from its beginning filled what nats-server keeps for it (256 MB), and were cut off with it,
 * again and again.
 */
const catchingUp = new Permits(64);
const PULL_EXPIRES_MS = 5_000;
const HEARTBEAT_MS = 1_000;
/** Silence that means that the consumer, its server or the way to it is gone. */
const LOST_AFTER_MS = 3 * HEARTBEAT_MS;
/** A consumer that nobody asks any more, because its reader stalls or its process died, goes by itself. */
const INACTIVE_MS = 30_000;

export interface Pulled {
  readonly message: Msg;
  readonly seq: number;
  readonly storedAtMs: number;
}

/** What to pull: from this stream what comes after a sequence. */
export interface PullOptions {
  readonly stream: string;
  readonly after: number;
  /** Subjects; none stands for all. */
  readonly filters: readonly string[];
  /** Closes it. */
  readonly signal: AbortSignal;
}

/** What has arrived, in order. */
export interface Arrival {
  readonly pulled: readonly Pulled[];
  /** The consumer has looked at everything up to this sequence. */
  readonly scanned: number;
  /** There was nothing more to deliver then. */
  readonly isAll: boolean;
}

/**
 * One ephemeral consumer, asked for messages only as they are taken: that is how a slow reader slows down the log
 * and nothing is piled up here. It does not mend itself. When anything is not as it should be, it is lost, and the
 * reader opens another one where it stands.
 */
export class Pulling {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  readonly #signal: AbortSignal;
  readonly #stop = (): void => this.close();
  readonly #name = `reader_${nuid.next()}`;
  readonly #inbox = `_INBOX.${nuid.next()}`;
  readonly #subscription: Subscription;
  readonly #timer: NodeJS.Timeout;
  #pulled: Pulled[] = [];
  #scanned: number;
  /** Messages that the consumer had still to deliver, when it said so last. */
  #pending = 0;
  #order = 0;
  #open = 0;
  #hasPermit = false;
  #isWaiting = false;
  #pullBytes = PULL_BYTES;
  #heardAt = 0;
  /** Words from the consumer that it has nothing to deliver. */
  #words = 0;
  #isLost = false;
  #wake: () => void = () => {};

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    { stream, after, signal }: PullOptions,
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.#stream = stream;
    this.#signal = signal;
    signal.addEventListener('abort', this.#stop);
    this.#scanned = after;
    this.#subscription = connection.subscribe(this.#inbox, {
      callback: loudly((error: Error | null, message: Msg) =>
        error ? this.#lose() : this.#receive(message),
      ),
    });
    this.#timer = setInterval(() => this.#checkSilence(), HEARTBEAT_MS).unref();
  }

  /** Rejects when the log does not answer. */
  static async open(
    connection: NatsConnection,
    manager: JetStreamManager,
    options: PullOptions,
  ): Promise<Pulling> {
    const { stream, after, filters, signal } = options;
    const pulling = new Pulling(connection, manager, options);
    try {
      const { num_pending } = await manager.consumers.add(stream, {
        name: pulling.#name,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: after + 1,
        ack_policy: AckPolicy.None,
        inactive_threshold: nanos(INACTIVE_MS),
        mem_storage: true,
        num_replicas: 1,
        ...(filters.length > 0 && { filter_subjects: [...filters] }),
      });
      pulling.#pending = num_pending;
      // There was nothing to free before it was made.
      if (signal.aborted) pulling.close();
    } catch (error) {
      pulling.close();
      throw error;
    }
    return pulling;
  }

  /** There is nothing to deliver, as far as it is known. */
  get isEmpty(): boolean {
    return this.#pending === 0;
  }

  /**
   * Resolves with what has arrived since the last call, as soon as that is anything; undefined once it is lost or
   * closed. `orWord` is for those who want to know also that nothing has, about every second.
   */
  async take(orWord = false): Promise<Arrival | undefined> {
    const before = this.#scanned;
    const words = this.#words;
    const hasCome = (): boolean =>
      this.#pulled.length > 0 || this.#scanned !== before || (orWord && this.#words !== words);
    if (this.#pulled.length === 0) {
      this.#pull();
      while (!hasCome() && !this.#isLost) await this.#woken();
    }
    // What came before it was lost is in order, and good.
    if (!hasCome()) return undefined;
    const arrival = { pulled: this.#pulled, scanned: this.#scanned, isAll: this.isEmpty };
    this.#pulled = [];
    // The server looks for the next ones while these are dealt with.
    this.#pull();
    return arrival;
  }

  /**
   * Whether everything has arrived that there was to deliver when this is asked; false while the log does not answer.
   * An idle consumer does not report messages that its filter skips, so `scanned` may never reach the end.
   */
  async hasAll(): Promise<boolean> {
    try {
      const { num_pending, delivered } = await this.#manager.consumers.info(this.#stream, this.#name);
      return num_pending === 0 && delivered.consumer_seq === this.#order && this.#pulled.length === 0;
    } catch {
      return false;
    }
  }

  /** Resolves when a message has arrived, or it is lost or closed. Not to be called while `take` waits. */
  async stirred(): Promise<void> {
    while (this.#pulled.length === 0 && !this.#isLost) await this.#woken();
  }

  /** Frees the consumer at once. */
  close(): void {
    this.#signal.removeEventListener('abort', this.#stop);
    clearInterval(this.#timer);
    this.#subscription.unsubscribe();
    this.#lose();
    if (this.#connection.isClosed()) return;
    // If the log is out of reach just now, the consumer goes by its own threshold.
    this.#manager.consumers.delete(this.#stream, this.#name).catch(() => {});
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #pull(): void {
    if (this.#connection.isClosed()) return this.#lose();
    if (this.#open > 0 || this.#isLost || this.#isWaiting) return;
    // At the head there is nothing on its way that could pile up.
    if (this.#pending === 0) return this.#request();
    this.#isWaiting = true;
    catchingUp.take(() => {
      this.#isWaiting = false;
      if (this.#isLost) return catchingUp.giveBack();
      this.#hasPermit = true;
      this.#request();
    });
  }

  #giveBack(): void {
    if (!this.#hasPermit) return;
    this.#hasPermit = false;
    catchingUp.giveBack();
  }

  #request(): void {
    if (this.#connection.isClosed()) return this.#lose();
    this.#open = PULL_MESSAGES;
    this.#heardAt = performance.now();
    const request = {
      batch: PULL_MESSAGES,
      max_bytes: this.#pullBytes,
      expires: nanos(PULL_EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`;
    this.#connection.publish(subject, JSON.stringify(request), { reply: this.#inbox });
  }

  #receive(message: Msg): void {
    this.#heardAt = performance.now();
    if (message.subject === this.#inbox) return this.#receiveStatus(message);
    const { seq, order, storedAtMs, pending } = parseAckSubject(message.reply ?? '');
    if (order !== this.#order + 1) return this.#lose();
    this.#order = order;
    this.#open--;
    this.#pullBytes = PULL_BYTES;
    // One that has come to the head keeps its request open, and nobody else waiting.
    if (this.#open === 0 || pending === 0) this.#giveBack();
    this.#scanned = seq;
    this.#pending = pending;
    this.#pulled.push({ message, seq, storedAtMs });
    this.#wake();
  }

  #receiveStatus({ headers }: Msg): void {
    const code = headers?.code;
    const reason = headers?.description ?? '';
    if (code === 100) {
      // While it has nothing to deliver, the consumer tells how far it has looked.
      this.#scanned = Math.max(this.#scanned, Number(headers?.get('Nats-Last-Stream') ?? 0));
      this.#words++;
      this.#wake();
    } else if (code === 408 || (code === 409 && /max ?bytes/i.test(reason))) {
      // The request has expired, or the next message needs a request of its own.
      if (code === 409 && this.#open === PULL_MESSAGES) this.#pullBytes = LARGE_PULL_BYTES;
      this.#open = 0;
      this.#giveBack();
      if (this.#pulled.length === 0) this.#pull();
      // That all messages of a request have come was counted, and the next request may be on its way.
    } else if (code !== 409 || !/batch completed/i.test(reason)) this.#lose();
  }

  #checkSilence(): void {
    if (this.#open > 0 && performance.now() - this.#heardAt > LOST_AFTER_MS) this.#lose();
  }

  #lose(): void {
    this.#isLost = true;
    this.#giveBack();
    this.#wake();
  }
}
