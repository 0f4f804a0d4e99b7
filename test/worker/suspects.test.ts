import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Interruption } from '../../src/worker/interruption.ts';
import { nextCompany, Suspects, type Turn } from '../../src/worker/suspects.ts';

/** Suspects of one worker, and what has become of those that wanted a turn. */
class Tried {
  readonly suspects = new Suspects();
  readonly turns = new Map<string, Turn>();
  readonly interruptions = new Map<string, Interruption>();
  /** Who has got company later than at its turn, and who had begun before. */
  readonly told: string[] = [];
  readonly away: string[] = [];
  /** Whether the log takes what those say who get company. */
  isTold = true;

  enter(names: string, most: number): void {
    for (const name of names) {
      const interruption = new Interruption();
      this.interruptions.set(name, interruption);
      void this.suspects.enter(most, interruption).then((turn) => {
        if (!turn) return this.away.push(name);
        this.turns.set(name, turn);
        turn.onCompany = async (company) => {
          this.told.push(`${name} ${company}, ${this.now()}`);
          return this.isTold;
        };
      });
    }
  }

  leave(name: string): Promise<void> {
    this.suspects.leave(this.turns.get(name) as Turn);
    this.turns.delete(name);
    return settled();
  }

  /** As after those that may have company. */
  async gather(): Promise<void> {
    this.enter('z', 64);
    await settled();
    await this.leave('z');
  }

  now(): string {
    return [...this.turns].map(([name, { company }]) => `${name} ${company}`).join(' ');
  }
}

const seconds = async (count: number): Promise<void> =>
  void (await vi.advanceTimersByTimeAsync(count * 1_000));
const settled = () => seconds(0);

describe('suspects', () => {
  let tried: Tried;
  beforeEach(() => {
    vi.useFakeTimers();
    tried = new Tried();
  });
  afterEach(() => void vi.useRealTimers());

  it('that are quick are tried one after the other, in the order in which they came', async () => {
    tried.enter('abc', 64);
    await settled();
    for (const name of ['a', 'b', 'c']) {
      expect(tried.now()).toBe(`${name} 1`);
      await seconds(0.5);
      await tried.leave(name);
    }
    expect(tried.now()).toBe('');
    expect(tried.away).toEqual([]);
  });

  it('are tried side by side after two seconds, and who had begun alone says so before the others begin', async () => {
    tried.enter('abc', 64);
    await seconds(1.9);
    expect(tried.now()).toBe('a 1');
    await seconds(0.1);
    expect(tried.told).toEqual(['a 64, a 1']);
    expect(tried.now()).toBe('a 64 b 64 c 64');
    tried.enter('d', 64);
    await settled();
    expect(tried.now()).toBe('a 64 b 64 c 64 d 64');
  });

  it('wait on where the log has not heard that who had begun alone is to have company', async () => {
    tried.isTold = false;
    tried.enter('ab', 64);
    await seconds(2.9);
    tried.enter('c', 64);
    expect(tried.now()).toBe('a 1');
    tried.isTold = true;
    await seconds(1.1);
    expect(tried.told).toEqual(['a 64, a 1', 'a 64, a 1']);
    expect(tried.now()).toBe('a 64 c 64');
    expect(tried.away).toEqual(['b']);
  });

  it('get no company that has gone away meanwhile', async () => {
    tried.isTold = false;
    tried.enter('ab', 64);
    await seconds(3);
    expect(tried.away).toEqual(['b']);
    tried.isTold = true;
    await seconds(10);
    expect(tried.told).toEqual(['a 64, a 1']);
    expect(tried.now()).toBe('a 1');
    tried.enter('c', 64);
    await seconds(2);
    expect(tried.now()).toBe('a 64 c 64');
  });

  it('have no company in those that may have none', async () => {
    await tried.gather();
    tried.enter('a', 1);
    tried.enter('b', 64);
    tried.enter('c', 1);
    await seconds(2.5);
    expect(tried.now()).toBe('a 1');
    await tried.leave('a');
    await seconds(5);
    expect(tried.now()).toBe('b 1');
    expect(tried.told).toEqual([]);
  });

  it('go away at once when they are interrupted, and take nobody with them', async () => {
    tried.enter('abc', 64);
    await settled();
    tried.interruptions.get('a')?.interrupt('CANCEL');
    tried.interruptions.get('b')?.interrupt('CANCEL');
    await settled();
    expect(tried.now()).toBe('a 1');
    expect(tried.away).toEqual(['b']);
    await tried.leave('a');
    expect(tried.now()).toBe('c 1');
  });

  it('are tried side by side too if there are many quick ones', async () => {
    tried.enter('abcdef', 64);
    await seconds(0.9);
    await tried.leave('a');
    await seconds(0.9);
    await tried.leave('b');
    await seconds(0.2);
    expect(tried.now()).toBe('c 64 d 64 e 64 f 64');
  });

  it('go on alone where nobody waits', async () => {
    tried.enter('ab', 64);
    await seconds(1);
    await tried.leave('a');
    await seconds(5);
    expect(tried.now()).toBe('b 1');
    expect(tried.told).toEqual([]);
    tried.enter('c', 64);
    await seconds(1.9);
    expect(tried.now()).toBe('b 1');
    await seconds(0.1);
    expect(tried.now()).toBe('b 64 c 64');
  });

  it('begin alone again when all have left', async () => {
    tried.enter('ab', 64);
    await seconds(2);
    await tried.leave('a');
    await tried.leave('b');
    tried.enter('cd', 64);
    await settled();
    expect(tried.now()).toBe('c 1');
  });

  it('are never more than the least of them may have beside it', async () => {
    tried.enter('abcd', 3);
    await seconds(2);
    expect(tried.now()).toBe('a 3 b 3 c 3');
    await tried.leave('b');
    expect(tried.now()).toBe('a 3 c 3 d 3');
    await tried.leave('a');
    tried.enter('ef', 2);
    await settled();
    expect(tried.now()).toBe('c 3 d 3');
    await tried.leave('c');
    expect(tried.now()).toBe('d 3 e 2');
  });

  it('do not wait behind one that may have less company, which comes last', async () => {
    tried.enter('ab', 64);
    await seconds(2);
    tried.enter('c', 1);
    tried.enter('d', 8);
    tried.enter('e', 64);
    await settled();
    expect(tried.now()).toBe('a 64 b 64 d 8 e 64');
    for (const name of ['a', 'b', 'd']) await tried.leave(name);
    tried.enter('f', 8);
    await settled();
    expect(tried.now()).toBe('e 64 f 8');
    tried.enter('g', 64);
    for (const name of ['e', 'f', 'g']) await tried.leave(name);
    expect(tried.now()).toBe('c 1');
  });

  it('that may have no company let others come before them, and are no company themselves', async () => {
    tried.enter('a', 1);
    await seconds(1);
    expect(tried.now()).toBe('');
    tried.enter('b', 64);
    await seconds(1.9);
    tried.enter('c', 1);
    await seconds(2.5);
    expect(tried.told).toEqual([]);
    expect(tried.now()).toBe('b 1');
    await tried.leave('b');
    expect(tried.now()).toBe('c 1');
    expect(tried.away).toEqual(['a']);
    await tried.leave('c');
    await seconds(4.9);
    tried.enter('d', 1);
    await settled();
    expect(tried.now()).toBe('d 1');
    await tried.leave('d');
    await seconds(5);
    tried.enter('e', 1);
    await seconds(10);
    tried.enter('f', 1);
    await seconds(1.9);
    expect(tried.now()).toBe('');
    await seconds(0.1);
    expect(tried.now()).toBe('f 1');
    expect(tried.away).toEqual(['a', 'e']);
  });

  it('that may have no company have none, however long it takes, and the others go away meanwhile', async () => {
    await tried.gather();
    tried.enter('a', 1);
    await seconds(2);
    tried.enter('b', 64);
    await seconds(2.9);
    expect(tried.now()).toBe('a 1');
    expect(tried.away).toEqual([]);
    await seconds(0.1);
    expect(tried.away).toEqual(['b']);
    expect(tried.told).toEqual([]);
    await tried.leave('a');
    expect(tried.now()).toBe('');
  });

  it('wait in bounded number, those that come last being the first to go away', async () => {
    const names = (count: number, from: number) =>
      String.fromCharCode(...Array.from({ length: count }, (_, index) => from + index));
    await tried.gather();
    tried.enter('a', 1);
    await settled();
    expect(tried.now()).toBe('a 1');
    tried.enter(names(65, 0x4e00), 1);
    await settled();
    expect(tried.away).toEqual([names(1, 0x4e40)]);
    tried.enter('b', 8);
    await settled();
    expect(tried.away).toEqual([names(1, 0x4e40), names(1, 0x4e3f)]);
    await tried.leave('a');
    expect(tried.now()).toBe('b 1');
  });

  it('have a smaller company after each loss', () => {
    expect([1, 64, 16, 4].map(nextCompany)).toEqual([64, 16, 4, 1]);
  });
});
