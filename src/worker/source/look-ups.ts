import { lookup } from 'node:dns/promises';
import { type Deferred, deferred } from '../../deferred.ts';
import { withoutDot } from '../../parse-url.ts';
import { unlessAborted } from './unless-aborted.ts';

/** All addresses of a name, in the order to try them. Rejects with the errors of `dns.lookup`. */
export type Resolver = (name: string) => Promise<readonly string[]>;

/** As all programs of this machine look names up. A thread is kept until the system answers. */
export const systemResolver: Resolver = async (name) =>
  (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address);

interface LookUp {
  readonly name: string;
  readonly domain: string;
  readonly begun: Deferred<void>;
  readonly addresses: Deferred<readonly string[]>;
  askers: number;
}

/**
 * The look-ups of a worker. Each keeps a thread until the system answers, which takes tens of seconds where a name server
 * is dead, and longer than anybody waits: it cannot be cancelled. So there are no more under way than threads, one of a
 * name for all who ask for it, and the names of one domain have a quarter of them: a domain that does not answer cannot
 * keep the others waiting. Who gives up while his name waits for its turn leaves nothing behind.
 */
export class LookUps {
  readonly #resolver: Resolver;
  readonly #atOnce: number;
  readonly #waiting = new Map<string, LookUp>();
  readonly #underWay = new Map<string, LookUp>();

  /** `atOnce` is at least 1. */
  constructor(resolver: Resolver, atOnce: number) {
    this.#resolver = resolver;
    this.#atOnce = atOnce;
  }

  /** Whether the system is being asked, also for those who have given up. */
  get isUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  /**
   * The addresses of a name. Calls `onBegin` when its look-up has begun, by whomever. Rejects as the resolver does, or
   * with the signal's reason.
   */
  async find(name: string, signal: AbortSignal, onBegin: () => void): Promise<readonly string[]> {
    signal.throwIfAborted();
    const lookUp = this.#underWay.get(name) ?? this.#waiting.get(name) ?? this.#add(name);
    lookUp.askers += 1;
    try {
      await unlessAborted(signal, lookUp.begun.promise);
      onBegin();
      // Its late answer interests nobody.
      return await unlessAborted(signal, lookUp.addresses.promise);
    } finally {
      lookUp.askers -= 1;
      if (lookUp.askers === 0 && this.#waiting.get(name) === lookUp) this.#waiting.delete(name);
    }
  }

  #add(name: string): LookUp {
    const lookUp = {
      name,
      domain: domainOf(name),
      begun: deferred<void>(),
      addresses: deferred<never>(),
      askers: 0,
    };
    lookUp.addresses.promise.catch(() => undefined);
    this.#waiting.set(name, lookUp);
    this.#beginWaiting();
    return lookUp;
  }

  #beginWaiting(): void {
    for (const lookUp of this.#waiting.values()) {
      if (this.#underWay.size >= this.#atOnce) return;
      if (this.#hasRoomFor(lookUp.domain)) void this.#run(lookUp);
    }
  }

  #hasRoomFor(domain: string): boolean {
    const ofDomain = [...this.#underWay.values()].filter((lookUp) => lookUp.domain === domain);
    return ofDomain.length < Math.max(1, Math.floor(this.#atOnce / 4));
  }

  async #run(lookUp: LookUp): Promise<void> {
    const { name, begun, addresses } = lookUp;
    this.#waiting.delete(name);
    this.#underWay.set(name, lookUp);
    begun.resolve();
    try {
      addresses.resolve(await this.#resolver(name));
    } catch (error) {
      addresses.reject(error);
    }
    this.#underWay.delete(name);
    this.#beginWaiting();
  }
}

/** The last two labels: who has these, as a rule, has the name servers of all names below. */
const domainOf = (name: string): string => withoutDot(name).split('.').slice(-2).join('.');
