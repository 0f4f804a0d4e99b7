import { TaskFailure } from '../../../actors/failure.ts';
import { parseUrl } from '../../parse-url.ts';
import type { Source } from '../../tasks/definition.ts';
import { showUrl } from '../../tasks/show-url.ts';
import { Body } from './body.ts';
import { Connection } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import { type DialSettings, dial } from './dial.ts';
import { exchange, type Outcome } from './exchange.ts';
import { Fault, Unanswered } from './fault.ts';
import { Gate, type GateSettings } from './gate.ts';
import { FETCH_LIMITS, type FetchLimits, inSeconds } from './limits.ts';
import { LookUps, type Resolver, systemResolver } from './look-ups.ts';
import type { Sink } from './sink.ts';
import type { RoomPart } from './source-room.ts';
import { parseSourceUrl } from './source-url.ts';
import { unlessAborted } from './unless-aborted.ts';
import { Watch } from './watch.ts';

export interface FetcherSettings extends GateSettings {
  /** Replaces single defaults. */
  readonly limits?: Partial<FetchLimits>;
  /** The system's look-up without it. */
  readonly resolver?: Resolver;
  /** How many look-ups the system is asked for at a time, at least 1; 2, as many as libuv runs by default, without it. */
  readonly lookUpsAtOnce?: number;
  /** Certificates (PEM) to trust instead of the runtime's own list. */
  readonly ca?: string;
}

type Whole = Extract<Outcome, { kind: 'whole' }>;

/** Where a fetch stands: what was asked for, and the redirect's target that is being looked at. */
interface Trail {
  readonly asked: string;
  target?: string | undefined;
}

/** Fetches what strangers name, and nothing that they should not reach. */
export class Fetcher {
  readonly #limits: FetchLimits;
  readonly #dialling: DialSettings;
  readonly #pool = new ConnectionPool();
  readonly #running = new Map<Watch, Promise<Source>>();
  #closed = false;

  /** Throws `ConfigError` when an entry of `allow` is none. */
  constructor({ limits, resolver = systemResolver, lookUpsAtOnce = 2, ca, ...gate }: FetcherSettings) {
    this.#limits = { ...FETCH_LIMITS, ...limits };
    this.#dialling = {
      gate: new Gate(gate),
      lookUps: new LookUps(resolver, lookUpsAtOnce),
      ca,
      connectMs: this.#limits.connectMs,
    };
  }

  /**
   * Takes the body at `url` into the memory of `room` while there is some, else into a file of it. Rejects with
   * `TaskFailure` when the source is at fault, and with the signal's reason as soon as that is aborted; no socket of
   * the fetch is left then, and nobody writes to the room.
   */
  async fetch(url: string, room: RoomPart, signal: AbortSignal): Promise<Source> {
    const { totalMs } = this.#limits;
    const watch = new Watch(signal, totalMs, `could not be fetched within ${inSeconds(totalMs)}`);
    if (this.#closed) watch.stop(stopped());
    const fetching = this.#fetch(url, room, watch).catch((error: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw error;
    });
    this.#running.set(watch, fetching);
    try {
      return await fetching;
    } finally {
      watch.end();
      this.#running.delete(watch);
    }
  }

  /** Whether the system is looking up a name, which nothing ends. */
  get isLookingUp(): boolean {
    return this.#dialling.lookUps.isUnderWay;
  }

  /** Ends what is being fetched with a passing failure, and closes all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#running.keys()) watch.stop(stopped());
    await Promise.allSettled(this.#running.values());
    this.#pool.closeAll();
  }

  async #fetch(url: string, room: RoomPart, watch: Watch): Promise<Source> {
    const trail: Trail = { asked: url };
    let sink: Sink | undefined;
    try {
      watch.signal.throwIfAborted();
      const first = parseSourceUrl(url, this.#limits);
      sink = new Body(room);
      const { bytes, contentType } = await this.#follow(first, sink, watch, trail);
      // Its end may have to wait for room on the disk.
      await unlessAborted(watch.signal, sink.drained());
      const kept = await sink.finish();
      watch.signal.throwIfAborted();
      return { url, ...kept, bytes, contentType };
    } catch (error) {
      await sink?.discard();
      throw failureOf(watch.signal.aborted ? watch.signal.reason : error, trail);
    }
  }

  /** Goes from hop to hop until one has the body; each passes the same checks. */
  async #follow(first: URL, sink: Sink, watch: Watch, trail: Trail): Promise<Whole> {
    let url = first;
    for (let redirects = 0; redirects <= this.#limits.maxRedirects; redirects += 1) {
      const outcome = await this.#visit(url, sink, watch);
      if (outcome.kind === 'whole') return outcome;
      trail.target = parseUrl(outcome.location, url)?.href ?? outcome.location;
      url = parseSourceUrl(outcome.location, this.#limits, url);
    }
    trail.target = undefined;
    throw new Fault(`redirects more than ${this.#limits.maxRedirects} times`);
  }

  async #visit(url: URL, sink: Sink, watch: Watch): Promise<Outcome> {
    const kept = this.#pool.take(url.origin);
    if (kept !== undefined) {
      try {
        return await this.#ask(kept, url, sink, watch);
      } catch (error) {
        // The other side may close a kept connection at any moment, or not be done with the answer before.
        if (!(error instanceof Unanswered)) throw error;
      }
    }
    const { connectMs, maxHeaderBytes } = this.#limits;
    watch.rest();
    const onBegin = () => watch.expect(connectMs, `could not be reached within ${inSeconds(connectMs)}`);
    const socket = await dial(url, this.#dialling, watch.signal, onBegin);
    return this.#ask(new Connection(url.origin, socket, maxHeaderBytes), url, sink, watch);
  }

  async #ask(connection: Connection, url: URL, sink: Sink, watch: Watch): Promise<Outcome> {
    const outcome = await exchange(connection, url.pathname + url.search, {
      limits: this.#limits,
      sink,
      watch,
    });
    watch.rest();
    if (this.#closed) connection.destroy();
    else this.#pool.give(url.origin, connection);
    return outcome;
  }
}

const stopped = (): Fault => new Fault('could not be fetched: the worker stopped', { passing: true });

/** Puts the source's name before what is wrong. Anything but a `Fault` is our defect or our disk, so it may pass. */
export function failureOf(error: unknown, { asked, target }: Trail): TaskFailure {
  const fault =
    error instanceof Fault ? error : new Fault('could not be spooled', { passing: true, cause: error });
  const name = `File '${showUrl(asked)}'`;
  const text =
    target === undefined
      ? `${name} ${fault.message}`
      : `${name} leads to '${showUrl(target)}', which ${fault.message}`;
  const { passing, retryAfterMs, cause } = fault;
  return new TaskFailure(text, { passing, retryAfterMs, cause });
}
