import type { Projection, Watcher } from '../projection/projection.ts';
import { isEnded, type TaskState } from '../projection/state.ts';
import type { Exchange } from './exchange.ts';
import { type Framing, fillerFor, framingFor } from './framing.ts';
import { checkHeld } from './held-answers.ts';
import type { Problem } from './request-error.ts';
import type { StatusView } from './status-view.ts';

/** A feed that has been silent for this long repeats itself, so that proxies keep it. */
const IDLE_MS = 15_000;

/** What one task still owes to the client. */
interface Owed {
  state: TaskState;
  /** Its `executing` has been sent, or it has ended without. */
  isStartKnown: boolean;
  isPending: boolean;
}

/**
 * The status feeds that are open. One timer serves them all.
 *
 * A feed writes its first line, the list of statuses, and from then on follows its tasks until the last has
 * ended. While its client is slow nothing is queued: each task keeps its latest state and whether its start
 * is still untold, and that is written when the client takes more.
 */
export class StatusFeeds {
  readonly #projection: Projection;
  readonly #view: StatusView;
  readonly #open = new Set<StatusFeed>();
  readonly #timer: NodeJS.Timeout;

  constructor(projection: Projection, view: StatusView) {
    this.#projection = projection;
    this.#view = view;
    this.#timer = setInterval(() => {
      const silentSince = performance.now() - IDLE_MS;
      for (const feed of this.#open) feed.keepAlive(silentSince);
    }, 1_000).unref();
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * `states` make the first line; what has happened since then follows at once. Resolves when the tasks are watched, or the
   * client has left. With `location`, where the tasks stand in the request, rejects with a 503 `RequestError` if that line is
   * too large to be held for now; tasks that have just been created are told in any case.
   */
  async open(
    exchange: Exchange,
    states: readonly TaskState[],
    location?: Problem['location'],
  ): Promise<void> {
    const first = this.#view.list(states);
    if (location) checkHeld(first.length, location);
    const feed = new StatusFeed(exchange, this.#projection, this.#view, () => this.#open.delete(feed));
    this.#open.add(feed);
    await feed.start(states, first);
  }

  /** Lets go of all; whoever closes the app cuts them off. An answer that ended would say that all tasks have. */
  close(): void {
    clearInterval(this.#timer);
    for (const feed of this.#open) feed.letGo();
  }
}

class StatusFeed implements Watcher {
  readonly #exchange: Exchange;
  readonly #projection: Projection;
  readonly #view: StatusView;
  readonly #framing: Framing;
  readonly #filler: string;
  readonly #onClose: () => void;
  readonly #owed = new Map<string, Owed>();
  #isWritable = true;
  #isLetGo = false;
  #wroteAt = performance.now();

  constructor(exchange: Exchange, projection: Projection, view: StatusView, onClose: () => void) {
    this.#exchange = exchange;
    this.#projection = projection;
    this.#view = view;
    this.#framing = framingFor(exchange.head);
    this.#filler = fillerFor(exchange.head, this.#framing);
    this.#onClose = onClose;
  }

  /** Writes the first line, and follows the tasks from where the projection has come as far as that. */
  async start(states: readonly TaskState[], first: string): Promise<void> {
    await this.#exchange.untilUncorked();
    // The client may have left meanwhile, or while its tasks were being stored; nothing would ever let go of the watchers.
    if (this.#exchange.closed) return this.#onClose();
    this.#exchange.onGone(() => this.letGo());
    this.#exchange.begin(200, this.#framing.headers);
    for (const state of states) {
      if (isEnded(state) || this.#owed.has(state.key)) continue;
      this.#owed.set(state.key, { state, isStartKnown: state.status === 'executing', isPending: false });
    }
    this.#write(first);
    await this.#projection.reachedAll(states);
    this.#follow();
  }

  #follow(): void {
    if (this.#isLetGo) return;
    for (const [key, { state }] of [...this.#owed]) {
      const isOpen = this.#projection.watch(key, this);
      const now = this.#projection.peek(key);
      // What the log has let go of has ended without another event.
      if (now && (now.seq > state.seq || isEnded(now))) this.changed(now);
      else if (!isOpen && !now) void this.#recall(key);
    }
    if (this.#owed.size === 0) this.stop();
  }

  /** A task that has ended, and is not in memory any more. What cannot be told looks cut off, so that the client asks again. */
  async #recall(key: string): Promise<void> {
    const state = await this.#projection.read(key).catch(() => undefined);
    if (state) this.changed(state);
    else if (this.#owed.has(key)) this.#exchange.abort();
  }

  changed(state: TaskState): void {
    const owed = this.#owed.get(state.key);
    // The fold of the queued event itself, which the first line has told.
    if (!owed || (state.status === 'queued' && state.attempt === 0)) return;
    owed.state = state;
    owed.isPending = true;
    if (this.#isWritable) this.#tell(owed);
    if (this.#owed.size === 0) this.stop();
  }

  /** It looks cut off, so that the client asks again, and hears what there is to say of the others. */
  lost(): void {
    this.#exchange.abort();
  }

  /** Repeats the last status of an open task, or says that there is nothing new, if nothing has been written since then. */
  keepAlive(silentSince: number): void {
    if (!this.#isWritable || this.#wroteAt > silentSince) return;
    const [owed] = this.#owed.values();
    if (owed) this.#send(this.#framing.heartbeat(this.#view.json(owed.state)));
  }

  stop(): void {
    this.letGo();
    void this.#exchange.end(this.#framing.lastFiller);
  }

  #tell(owed: Owed): void {
    const { state } = owed;
    const isEnd = isEnded(state);
    if (isEnd && !owed.isStartKnown) {
      const executing = this.#view.executing(state);
      if (executing) this.#write(executing);
    }
    if (isEnd) this.#owed.delete(state.key);
    this.#write(this.#view.json(state));
    owed.isPending = false;
    owed.isStartKnown ||= state.status === 'executing';
  }

  /** What is written now is the last line. */
  get #isToldOut(): boolean {
    return this.#owed.size === 0;
  }

  #write(json: string): void {
    this.#send(this.#isToldOut ? this.#framing.lastLine(json) : this.#framing.line(json));
  }

  #send(text: string): void {
    this.#wroteAt = performance.now();
    const isTaken = this.#exchange.write(text, this.#isToldOut ? '' : this.#filler);
    if (isTaken || !this.#isWritable) return;
    this.#isWritable = false;
    if (!this.#isToldOut) this.#exchange.whenTaken(this.#framing.filler, () => this.#resume());
  }

  #resume(): void {
    if (this.#isLetGo) return;
    this.#isWritable = true;
    for (const owed of this.#owed.values()) {
      if (!owed.isPending) continue;
      this.#tell(owed);
      if (!this.#isWritable) return;
    }
    if (this.#owed.size === 0) this.stop();
  }

  /** Follows nothing any more. Where tasks are open, the answer is not to end as if they had. */
  letGo(): void {
    this.#isLetGo = true;
    for (const key of this.#owed.keys()) this.#projection.unwatch(key, this);
    this.#owed.clear();
    this.#onClose();
  }
}
