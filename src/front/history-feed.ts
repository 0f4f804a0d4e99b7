import type { Account, CredentialDigest } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { deferred } from '../deferred.ts';
import { eventDate } from '../log/event-date.ts';
import type { LogReader } from '../log/log.ts';
import type { Entry, Page, ReadOptions } from '../log/reading.ts';
import type { Logger } from '../logger.ts';
import type { Projection } from '../projection/projection.ts';
import type { Exchange } from './exchange.ts';
import { type Framing, fillerFor } from './framing.ts';
import type { Wording } from './history-lines.ts';
import { tryLater } from './request-error.ts';
import { untilFolded } from './within.ts';

/** A feed that has been silent for this long says so, so that proxies keep it. */
const IDLE_MS = 15_000;
/** Characters that are gathered before they are written. */
const CHUNK_LENGTH = 65_536;
/** Events dated up to the end may still be on their way into the log when it comes. */
const END_GRACE_MS = 1_000;

/** Each has a consumer at nats-server, and two megabytes here if its client takes nothing. */
const MOST_READERS = 1_000;
/** An account may have so many for each place that is free, so that there are some for others, whatever those before have. */
const FOR_EACH_FREE = 3;

/** What a history feed shows, and how. */
export interface HistoryRequest {
  /** Sees its own events; an auditor sees everyone's. */
  readonly account: Account;
  /** What the feed was opened with. */
  readonly secret: CredentialDigest;
  readonly reading: Omit<ReadOptions, 'signal'>;
  /** It may have to wait for what it tells. */
  readonly follow: boolean;
  /** A date still to come, before which the feed tells nothing. */
  readonly startsAt: string | undefined;
  /** A date still to come, up to which the feed tells, however long that takes. */
  readonly endsAt: string | undefined;
  /** It was asked for up to some end, not for what there is. */
  readonly hasEnd: boolean;
  readonly wording: Wording;
  readonly framing: Framing;
}

interface Parts {
  readonly accounts: Accounts;
  readonly log: LogReader;
  readonly projection: Projection;
  readonly logger: Logger;
}

/** The history feeds that are open. One timer serves them all. */
export class HistoryFeeds {
  readonly #parts: Parts;
  readonly #open = new Set<HistoryFeed>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      for (const feed of this.#open) feed.tick();
    }, 1_000).unref();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Throws a 503 `RequestError` if as many are open as there may be, or of this account as there may be for now. */
  open(exchange: Exchange, request: HistoryRequest): void {
    this.#checkRoom(request.account.name);
    // The client may have left while the log was asked.
    if (exchange.closed) return;
    const feed = new HistoryFeed(exchange, this.#parts, request);
    this.#open.add(feed);
    void feed.run().finally(() => this.#open.delete(feed));
  }

  #checkRoom(account: string): void {
    const free = MOST_READERS - this.#open.size;
    if (free <= 0)
      throw tryLater('path', 'path', `${MOST_READERS} feeds of history are open, try again later`);
    let own = 0;
    for (const feed of this.#open) own += Number(feed.account === account);
    if (own < FOR_EACH_FREE * free) return;
    const description = `${own} feeds of history of this account are open, which leaves ${free} for others: end one or try again later`;
    throw tryLater('path', 'path', description);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const feed of this.#open) feed.cut();
  }
}

/**
 * One reader of the log, over HTTP. It has a page of the log at a time and asks for the next when the client has
 * taken this one, so a client that is slow holds back its own reading and nothing else.
 */
class HistoryFeed {
  readonly #exchange: Exchange;
  readonly #parts: Parts;
  readonly #request: HistoryRequest;
  readonly #filler: string;
  readonly #abort = new AbortController();
  /** Aborted when nothing is to be waited for any more: what there is up to the end is read then. */
  readonly #live = new AbortController();
  /** The last sequence to tell, once the date has come at which the feed ends. */
  readonly #end = deferred<number>();
  #isLookingForEnd = false;
  #through: number | undefined;
  /** The client has taken what was sent. */
  #isWritable = true;
  #isWaiting = false;
  /** What was written last is a filler. */
  #isFilled = false;
  #resume: () => void = () => {};
  /** All that was asked for has been told up to this sequence. */
  #told: number;
  /** The last id that was told; 0 is that of an end before the first event. */
  #idTold = -1;
  #wroteAt = performance.now();

  constructor(exchange: Exchange, parts: Parts, request: HistoryRequest) {
    this.#exchange = exchange;
    this.#parts = parts;
    this.#request = request;
    this.#filler = request.follow ? fillerFor(exchange.head, request.framing) : '';
    this.#told = request.reading.after;
    this.#through = request.reading.through;
  }

  get account(): string {
    return this.#request.account.name;
  }

  async run(): Promise<void> {
    const { endsAt, follow, hasEnd, framing } = this.#request;
    this.#exchange.onGone(() => this.#stop());
    this.#exchange.begin(200, framing.headers);
    if (follow) this.#write(framing.filler, true);
    this.#isFilled = follow;
    try {
      await this.#read(this.#live.signal);
      if (endsAt !== undefined) {
        this.#through = await this.#end.promise;
        await this.#read(this.#abort.signal);
      }
    } catch (error) {
      this.#parts.logger.error({ err: error }, 'a history feed failed unexpectedly');
      return this.cut();
    }
    // A browser asks again from the last id on: that shall be the end.
    const lacksEnd = hasEnd && framing.hasIds && this.#idTold < this.#told;
    // A filler is no line, and must not be the last word.
    if (this.#isFilled || lacksEnd) this.#write(this.#heartbeat(), true);
    // There is nothing more to say, while it waits for its client to take the rest.
    this.#isWaiting = true;
    await this.#exchange.end(framing.lastFiller);
  }

  /** From what has been told on, up to the end if there is one. */
  async #read(signal: AbortSignal): Promise<void> {
    const { reading } = this.#request;
    const options = { ...reading, after: this.#told, through: this.#through, signal };
    for await (const page of this.#parts.log.read(options)) {
      await this.#tell(page);
      if (signal.aborted) return;
    }
  }

  /** A reader that is slow, or that began long before, may be far from there. A log that does not answer is asked again. */
  async #findEnd(date: string): Promise<void> {
    if (this.#isLookingForEnd) return;
    this.#isLookingForEnd = true;
    try {
      const { until } = await this.#parts.log.locate(date);
      this.#end.resolve(until);
      this.#live.abort();
    } catch {
      this.#isLookingForEnd = false;
    }
  }

  /** Each second: cuts a feed that may not go on, looks for the end of one whose time has come, and says that there is nothing to say. */
  tick(): void {
    const { endsAt } = this.#request;
    if (!this.#isAllowed()) return this.cut();
    if (endsAt !== undefined && Date.now() > Date.parse(endsAt) + END_GRACE_MS) void this.#findEnd(endsAt);
    if (this.#isWaiting || performance.now() - this.#wroteAt < IDLE_MS) return;
    if (this.#isTaken()) this.#write(this.#heartbeat());
  }

  /** The accounts file may have changed since the feed was opened; whoever replaces a secret may know who else has it. */
  #isAllowed(): boolean {
    const { account, secret } = this.#request;
    const now = this.#parts.accounts.findBySecret(secret);
    return now?.name === account.name && now.auditor === account.auditor;
  }

  #heartbeat(): string {
    const { framing, wording } = this.#request;
    // Whoever takes up again before the feed starts shall ask for the date again, not for what comes after this.
    const seq = this.#isBeforeStart(eventDate()) ? undefined : this.#told;
    return framing.heartbeat(wording.heartbeat(this.#told), seq);
  }

  #isBeforeStart(date: string): boolean {
    const { startsAt } = this.#request;
    return startsAt !== undefined && date < startsAt;
  }

  /** What ends in order looks whole; what does not must look broken, so that the client takes it up again. */
  cut(): void {
    this.#exchange.abort();
  }

  #stop(): void {
    this.#abort.abort();
    this.#live.abort();
    this.#end.resolve(this.#told);
    this.#resume();
  }

  async #tell({ entries, through }: Page): Promise<void> {
    await this.#untilFolded(entries);
    let chunk = '';
    for (const entry of entries) {
      chunk += this.#lineOf(entry);
      if (chunk.length < CHUNK_LENGTH) continue;
      await this.#send(chunk);
      if (this.#abort.signal.aborted) return;
      chunk = '';
    }
    const isLast = this.#abort.signal.aborted || through === this.#through;
    if (chunk !== '') await this.#send(chunk, isLast);
    this.#told = through;
  }

  /** Empty for what is not to be shown. */
  #lineOf(entry: Entry): string {
    const { account, wording } = this.#request;
    if (this.#isAfterEnd(entry)) return '';
    if (this.#isBeforeStart('at' in entry ? entry.at : eventDate())) return '';
    if ('gap' in entry) return this.#line(wording.gap(entry.gap), entry.gap.to);
    if ('unreadable' in entry)
      return account.auditor ? this.#line(wording.unreadable(entry.unreadable), entry.unreadable.seq) : '';
    if (!account.auditor && entry.account !== account.name) return '';
    return this.#line(wording.event(entry, this.#parts.projection.isLate(entry.seq)), entry.seq);
  }

  #line(json: string, seq: number): string {
    this.#idTold = seq;
    return this.#request.framing.line(json, seq);
  }

  #isAfterEnd(entry: Entry): boolean {
    const { endsAt } = this.#request;
    return endsAt !== undefined && 'at' in entry && entry.at > endsAt;
  }

  /** An event may be read a moment before the projection has folded it, and only then is it known to be late. */
  async #untilFolded(entries: readonly Entry[]): Promise<void> {
    const last = entries.findLast((entry) => 'seq' in entry);
    if (!last || last.seq <= this.#parts.projection.seq) return;
    await untilFolded(this.#parts.projection.reached(last.seq)).catch(() => {});
  }

  /** Waits until the client has taken what was sent before, or has left. */
  async #send(chunk: string, isLast = false): Promise<void> {
    if (!this.#isTaken()) await this.#untilTaken();
    this.#write(chunk, isLast);
  }

  /** A filler finds out, so this is asked only where something is to be written next. */
  #isTaken(): boolean {
    if (this.#isWritable) return true;
    this.#write(this.#request.framing.filler, true);
    this.#isFilled = true;
    return this.#isWritable;
  }

  async #untilTaken(): Promise<void> {
    this.#isWaiting = true;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      this.#exchange.whenTaken(this.#request.framing.filler, resolve);
    });
    this.#isWaiting = false;
  }

  #write(text: string, isLast = false): void {
    this.#wroteAt = performance.now();
    const filler = isLast ? '' : this.#filler;
    this.#isFilled = filler !== '';
    this.#isWritable = this.#exchange.write(text, filler);
  }
}
