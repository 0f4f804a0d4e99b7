import type { Interruption } from './interruption.ts';

/** How long suspects are tried one after the other while others wait; then they are tried side by side. */
const ALONE_MS = 2_000;
/** How long a suspect waits here before it is given back, for a worker that may have less to do. */
const TURN_MS = 3_000;
/**
 * How long those that must be alone wait at first for those that may have company: what a lost worker was at comes when its
 * lease of 10 s is over, what merely waited there comes at once.
 */
const GATHER_MS = 12_000;
/** After so long without any suspect, those that may have company are given time to come again. */
const QUIET_MS = 5_000;
/** How many may wait here at once: each of them keeps a place. */
const MOST_WAITING = 64;

/** How many suspects there may be side by side: at first, and after each worker that was lost with several of them. */
const COMPANIES = [64, 16, 4, 1] as const;

/** The largest company for a suspect whose last attempt was in one of `before`, itself included; 1 is to be alone. */
export const nextCompany = (before: number): number =>
  before === 1 ? COMPANIES[0] : (COMPANIES.find((company) => company < before) ?? 1);

/** The turn of one suspect. */
export class Turn {
  /** The largest company that it may have, itself included. */
  readonly most: number;
  /** How many suspects there may be side by side now. */
  company = 1;
  /** Called when one that was alone gets company, with its size. The others begin when this has resolved with true. */
  onCompany: (company: number) => Promise<boolean> = async () => false;

  constructor(most: number) {
    this.most = most;
  }
}

interface Waiting {
  readonly turn: Turn;
  admit(): void;
  giveUp(): void;
}

/**
 * Turns for the tasks of this worker whose next attempt would be their last and whose attempt before ended without a
 * word: the worker died. One of them may be what kills workers, and the others merely stood beside it. So they are
 * tried one after the other. Where that takes too long, since they are many or slow, they are tried in a company, which
 * is smaller after each worker that is lost; only one that was alone is to blame.
 */
export class Suspects {
  readonly #entered = new Set<Turn>();
  #waiting: Waiting[] = [];
  /** Somebody who may have company has waited for `ALONE_MS`, and somebody still waits. */
  #isOpen = false;
  #opening: NodeJS.Timeout | undefined;
  /** Those that may have company have had the time to come. It matters only while nobody is inside. */
  #isGathered = false;
  /** When that changes. */
  #gathering: NodeJS.Timeout | undefined;

  /**
   * Resolves when a suspect that may have a company of `most` has its turn, until `leave`; with undefined if there is none
   * to be had soon, or at an interruption. Those that may have more company come first, also if they come a little later.
   */
  enter(most: number, interruption: Interruption): Promise<Turn | undefined> {
    return new Promise((resolve) => {
      const turn = new Turn(most);
      const giveUp = () => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((other) => other.turn !== turn);
        this.#admit();
        resolve(undefined);
      };
      const timer = setTimeout(giveUp, TURN_MS);
      const admit = () => {
        clearTimeout(timer);
        resolve(turn);
      };
      this.#waiting.push({ turn, admit, giveUp });
      interruption.listen(giveUp);
      this.#admit();
      if (this.#waiting.length > MOST_WAITING) this.#last()?.giveUp();
      if (this.#entered.size === 0) this.#gathering ??= setTimeout(() => this.#gathered(), GATHER_MS);
    });
  }

  leave(turn: Turn): void {
    this.#entered.delete(turn);
    if (this.#entered.size === 0) this.#gathered();
    else this.#admit();
  }

  #gathered(): void {
    this.#isGathered = true;
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => {
      this.#isGathered = false;
      this.#gathering = undefined;
    }, QUIET_MS);
    this.#admit();
  }

  async #open(): Promise<void> {
    this.#opening = undefined;
    const [first] = this.#entered;
    this.#isOpen = this.#hasCompany();
    // Of a company that the log has not heard of, the first one would be blamed for what the others do.
    if (this.#isOpen && first && first.company < first.most && (await first.onCompany(first.most)))
      first.company = first.most;
    this.#admit();
  }

  #admit(): void {
    for (let next = this.#next(); next; next = this.#next()) {
      const { turn, admit } = next;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      if (this.#entered.size > 0 || (this.#isOpen && this.#hasCompany())) turn.company = turn.most;
      this.#entered.add(turn);
      admit();
    }
    if (this.#waiting.length > 0) this.#opening ??= setTimeout(() => void this.#open(), ALONE_MS);
    else {
      clearTimeout(this.#opening);
      this.#opening = undefined;
      this.#isOpen = false;
    }
  }

  /** Whether one of those that wait may have company. One that must be alone is none. */
  #hasCompany(): boolean {
    return this.#waiting.some(({ turn }) => turn.most > 1);
  }

  /**
   * The one with the largest company, and of these the first. One that must have a smaller company would let nobody in
   * behind it, while it waits itself for all that are inside: one sleep of an hour, and everybody stood still. Those that
   * must be alone had been queued first, so they also come first when the leases of a lost worker run out together.
   */
  #next(): Waiting | undefined {
    const fitting = this.#waiting.filter(
      ({ turn }) => (turn.most > 1 || this.#isGathered) && this.#hasRoom(turn),
    );
    const most = Math.max(...fitting.map(({ turn }) => turn.most));
    return fitting.find(({ turn }) => turn.most === most);
  }

  /** The one that `#next` would choose last. */
  #last(): Waiting | undefined {
    const least = Math.min(...this.#waiting.map(({ turn }) => turn.most));
    return this.#waiting.findLast(({ turn }) => turn.most === least);
  }

  #hasRoom({ most }: Turn): boolean {
    const companies = [...this.#entered].map(({ company }) => company);
    return companies.length < Math.min(most, ...companies);
  }
}
