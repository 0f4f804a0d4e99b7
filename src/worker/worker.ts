import { setTimeout as delay } from 'node:timers/promises';
import { type ActorRefFrom, createActor } from 'xstate';
import { workerMachine } from '../../actors/worker.ts';
import type { Config } from '../config.ts';
import { deferred } from '../deferred.ts';
import type { Presence } from '../log/presence.ts';
import { type Delivery, LEASE_MS, type Taking, type TaskQueue } from '../log/task-queue.ts';
import type { Logger } from '../logger.ts';
import { SlotMap } from '../slot-map.ts';
import { catalogue } from '../tasks/catalogue.ts';
import type { Attempt, Attempts } from './attempts.ts';
import { Places } from './places.ts';

/** How long a task may wait here for a place before it is given back for others to take. */
const CROWDED_MS = 250;
/** Places that become free are asked for together, unless none follows within this time. */
const GATHER_MS = 2;
const ANNOUNCE_MS = 1_000;

interface WorkerParts {
  /** Names this worker in events. */
  readonly id: string;
  readonly queue: TaskQueue;
  readonly presence: Presence;
  readonly attempts: Attempts;
  readonly config: Pick<Config, 'CONCURRENCY' | 'MEDIA_CONCURRENCY' | 'GRACE'>;
  readonly logger: Logger;
}

interface Held {
  delivery: Delivery;
  attempt: Attempt | undefined;
}

/**
 * One worker: takes as many tasks as it has places, keeps the lease of all it holds, runs their attempts.
 *
 * The lease is renewed from here, by the loop that owns the attempts and over the channel that assigned
 * them: a worker that is blocked, stopped or cut off cannot look alive.
 */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #actor: ActorRefFrom<typeof workerMachine>;
  readonly #held = new SlotMap<string, Held>();
  readonly #places: Places;
  #waiting: Held[] = [];
  #isTaking = false;
  #taking: Taking | undefined;
  #timers: NodeJS.Timeout[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #crowded: NodeJS.Timeout | undefined;
  readonly #stopped = deferred<void>();

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#places = new Places(parts.config);
    const machine = workerMachine.provide({
      actions: {
        take: () => this.#beginTaking(),
        stopTaking: () => void this.#stopTaking(),
        handBack: () => this.#handBack(),
        stop: () => this.#stopped.resolve(),
      },
    });
    this.#actor = createActor(machine, { input: { graceMs: parts.config.GRACE * 1_000 } });
  }

  /** Resolves once tasks are being taken. */
  async start(): Promise<void> {
    this.#actor.start();
    this.#taking = await this.#parts.queue.take({
      names: [...catalogue.keys()],
      free: (name) => (this.#isTaking ? this.#free(name) : 0),
      onDelivery: (delivery) => this.#receive(delivery),
    });
    this.#actor.send({ type: 'READY' });
  }

  /** Takes no more, finishes what fits into the grace time, hands the rest back. Resolves when that is done. */
  async drain(): Promise<void> {
    this.#actor.send({ type: 'DRAIN' });
    await this.#stopped.promise;
    for (const timer of this.#timers) clearInterval(timer);
    this.#parts.presence.leave(this.#parts.id);
  }

  #beginTaking(): void {
    this.#isTaking = true;
    const renew = () => {
      for (const { delivery } of this.#held.values()) delivery.extend();
    };
    this.#timers = [setInterval(renew, LEASE_MS / 3), setInterval(() => this.#announce(), ANNOUNCE_MS)];
    this.#announce();
    this.#parts.presence.onListener(() => this.#isTaking && this.#announce());
    this.#taking?.more();
  }

  #announce(): void {
    this.#parts.presence.announce({
      worker: this.#parts.id,
      tasks: [...catalogue.keys()],
      full: [...catalogue.keys()].filter((name) => this.#places.free(name) <= 0),
    });
  }

  #free(name: string): number {
    return this.#places.free(name) - this.#waiting.length;
  }

  #receive(delivery: Delivery): void {
    const known = this.#held.get(delivery.key);
    if (known) {
      // The lease ran out while the attempt went on here; it is this worker's again.
      known.delivery = delivery;
      return;
    }
    // What was on its way when the worker was told to stop.
    if (!this.#isTaking) return delivery.release(0);
    const held: Held = { delivery, attempt: undefined };
    this.#held.set(delivery.key, held);
    if (this.#places.free(delivery.name) > 0) return void this.#run(held);
    this.#waiting.push(held);
    this.#crowded ??= setTimeout(() => void this.#giveBackWaiting(), CROWDED_MS);
  }

  async #run(held: Held): Promise<void> {
    const { name } = held.delivery;
    this.#places.take(name);
    held.attempt = this.#parts.attempts.begin(held.delivery);
    try {
      const settle = await held.attempt.ended;
      settle(held.delivery);
    } catch (error) {
      // The lease runs out and another worker takes it from the log.
      this.#parts.logger.error(
        { err: error, key: held.delivery.key },
        'an attempt failed in a way that nobody foresaw',
      );
    }
    this.#held.delete(held.delivery.key);
    this.#places.giveBack(name);
    this.#placeFreed(name);
  }

  #placeFreed(name: string): void {
    const index = this.#waiting.findIndex(({ delivery }) => this.#places.free(delivery.name) > 0);
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (next) void this.#run(next);
    else this.#askForMore(name);
    if (this.#held.size === 0) this.#actor.send({ type: 'IDLE' });
  }

  #askForMore(name: string): void {
    if (!this.#isTaking) return;
    if (this.#free(name) >= this.#places.limit(name) / 4) return this.#taking?.more();
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#taking?.more();
    }, GATHER_MS);
  }

  /** All places are taken by tasks that last: those that wait go back, so that a worker with room has them. */
  async #giveBackWaiting(): Promise<void> {
    this.#crowded = undefined;
    if (this.#waiting.length === 0) return;
    await this.#taking?.pause();
    this.#releaseWaiting();
    this.#taking?.more();
  }

  #releaseWaiting(): void {
    for (const { delivery } of this.#waiting) {
      this.#held.delete(delivery.key);
      delivery.release(0);
    }
    this.#waiting = [];
  }

  async #stopTaking(): Promise<void> {
    this.#isTaking = false;
    await Promise.race([this.#taking?.pause(), delay(1_000)]);
    this.#releaseWaiting();
    if (this.#held.size === 0) this.#actor.send({ type: 'IDLE' });
  }

  #handBack(): void {
    for (const { attempt } of this.#held.values()) attempt?.handBack();
    if (this.#held.size === 0) this.#actor.send({ type: 'IDLE' });
  }
}
