import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Interruption } from '../../src/worker/interruption.ts';
import { Suspects, type Turn } from '../../src/worker/suspects.ts';
import { seededRandom } from '../support/seeded-random.ts';

const COMPANIES = [64, 16, 4, 1];

/** Tasks that come, wait, are tried and leave as chance has it, and what must hold of them at any moment. */
class Worker {
  readonly #random: () => number;
  readonly #suspects = new Suspects();
  /** Those that are tried, and the company that the log knows of. */
  readonly #tried = new Map<Turn, number>();
  /** What companies those may have that wait. */
  readonly #waiting = new Map<Interruption, number>();
  /** How many have not ended. */
  tasks = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  comes(most: number): void {
    const interruption = new Interruption();
    if (this.#random() < 0.1) setTimeout(() => interruption.interrupt('CANCEL'), this.#random() * 3_000);
    this.#waiting.set(interruption, most);
    void this.#suspects.enter(most, interruption).then((turn) => {
      this.#waiting.delete(interruption);
      if (turn) this.#begins(turn);
      else if (interruption.command) this.tasks -= 1;
      else setTimeout(() => this.comes(most), 1_000);
    });
  }

  #begins(turn: Turn): void {
    this.#tried.set(turn, turn.company);
    turn.onCompany = async (company) => {
      await new Promise((resolve) => setTimeout(resolve, this.#random() * 100));
      const isTold = this.#random() < 0.7 && this.#tried.has(turn);
      if (isTold) this.#tried.set(turn, company);
      return isTold;
    };
    setTimeout(
      () => {
        this.#tried.delete(turn);
        this.#suspects.leave(turn);
        this.tasks -= 1;
      },
      this.#random() ** 3 * 20_000,
    );
  }

  check(): void {
    const side = this.#tried.size;
    for (const [{ most }, company] of this.#tried) {
      expect(side).toBeLessThanOrEqual(company);
      expect(company).toBeLessThanOrEqual(most);
    }
    // Those that must be alone wait longer.
    for (const most of this.#waiting.values())
      if (most > 1) expect(side).toBeGreaterThanOrEqual(Math.min(most, ...this.#tried.values()));
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'suspects all have their turn, none of them beside others that the log does not know of, and none waits where there is room: seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const worker = new Worker(random);
    const count = 10 * seed;
    worker.tasks = count;
    for (let task = 0; task < count; task += 1) {
      const most = COMPANIES[Math.floor(random() * COMPANIES.length)] as number;
      setTimeout(() => worker.comes(most), random() * 30_000);
    }
    for (let seconds = 0; worker.tasks > 0; seconds += 0.1) {
      await vi.advanceTimersByTimeAsync(100);
      worker.check();
      expect(seconds).toBeLessThan(20 * count);
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect(vi.getTimerCount()).toBe(0);
  },
);
