import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccountLimits } from '../../src/accounts/account.ts';
import { Limits } from '../../src/accounts/limits.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

const limitsFor = (limits: Record<string, AccountLimits>): Limits => new Limits((account) => limits[account]);

/** That a create is refused, and what the account is told that it has by then. */
const refusedAt = (current: number) => [
  { description: expect.stringMatching(new RegExp(`, it has (created )?${current} `)) },
];

/** Whether so many tasks of one request may be created beside others. */
const admits = (limits: Limits, account: string, count: number, nowMs = NOON, others = 0): boolean =>
  limits.refusals(account, count, others, nowMs).length === 0;

const queue = (limits: Limits, account: string, count: number, atMs = NOON, nowMs = atMs): void => {
  for (let task = 0; task < count; task++) limits.queued(account, atMs, nowMs);
};

describe('active tasks', () => {
  it('may reach the limit and not pass it', () => {
    const limits = limitsFor({ acme: { active_tasks: 1_000 } });
    queue(limits, 'acme', 998);
    expect(limits.refusals('acme', 5, 0, NOON)).toEqual([
      {
        name: 'active_tasks',
        description: "account 'acme' may have 1000 active tasks, it has 998 and this request adds 5",
      },
    ]);
    expect(admits(limits, 'acme', 3)).toBe(false);
    expect(admits(limits, 'acme', 2)).toBe(true);
  });

  it('of a request are refused whole, and a refusal takes no room', () => {
    const limits = limitsFor({ acme: { active_tasks: 3 } });
    expect(admits(limits, 'acme', 4)).toBe(false);
    expect(admits(limits, 'acme', 3)).toBe(true);
    queue(limits, 'acme', 3);
    expect(limits.refusals('acme', 1, 0, NOON)).toMatchObject(refusedAt(3));
  });

  it('make room when they end', () => {
    const limits = limitsFor({ acme: { active_tasks: 2 } });
    queue(limits, 'acme', 2);
    expect(admits(limits, 'acme', 1)).toBe(false);
    limits.ended('acme');
    expect(limits.activeTasks('acme')).toBe(1);
    expect(admits(limits, 'acme', 1)).toBe(true);
  });

  it('count for their own account only', () => {
    const limits = limitsFor({ acme: { active_tasks: 1 }, zeta: { active_tasks: 1 } });
    queue(limits, 'acme', 1);
    limits.ended('zeta');
    expect(admits(limits, 'zeta', 1)).toBe(true);
    expect(admits(limits, 'acme', 1)).toBe(false);
  });

  it('limited to none admit none', () => {
    const limits = limitsFor({ acme: { active_tasks: 0 }, zeta: { tasks_per_minute: 0 } });
    expect(admits(limits, 'acme', 1)).toBe(false);
    expect(admits(limits, 'zeta', 1)).toBe(false);
  });

  it('never count below nothing', () => {
    const limits = limitsFor({ acme: { active_tasks: 1, tasks_per_minute: 100 } });
    queue(limits, 'acme', 1);
    for (let end = 0; end < 3; end++) limits.ended('acme');
    queue(limits, 'acme', 1);
    expect(limits.refusals('acme', 1, 0, NOON)).toMatchObject(refusedAt(1));
  });

  it('may stand above a limit that was lowered, and then add none', () => {
    const settings: Record<string, AccountLimits> = { acme: {} };
    const limits = limitsFor(settings);
    queue(limits, 'acme', 5);
    settings.acme = { active_tasks: 3 };
    expect(limits.refusals('acme', 1, 0, NOON)).toMatchObject(refusedAt(5));
  });
});

describe('tasks about to be created beside a request', () => {
  it('count with those that are there', () => {
    const limits = limitsFor({ acme: { active_tasks: 5 } });
    queue(limits, 'acme', 2);
    expect(admits(limits, 'acme', 1, NOON, 2)).toBe(true);
    expect(limits.refusals('acme', 2, 2, NOON)).toMatchObject(refusedAt(4));
    expect(admits(limits, 'acme', 3)).toBe(true);
  });

  it('count against the minute too', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 10 } });
    expect(limits.refusals('acme', 3, 8, NOON)).toEqual([
      {
        name: 'tasks_per_minute',
        description:
          "account 'acme' may create 10 tasks a minute, it has created 8 in the last 60 seconds and this request adds 3",
      },
    ]);
  });

  it('are refused for each limit that they would pass', () => {
    const limits = limitsFor({ acme: { active_tasks: 2, tasks_per_minute: 5 } });
    expect(limits.refusals('acme', 6, 0, NOON).map(({ name }) => name)).toEqual([
      'active_tasks',
      'tasks_per_minute',
    ]);
  });
});

describe('an account', () => {
  it('is limited if it has a limit, be it 0, from the moment that it is set', () => {
    const settings: Record<string, AccountLimits> = { acme: { active_tasks: 0 }, zeta: {} };
    const limits = limitsFor(settings);
    expect(['acme', 'zeta', 'nobody'].map((name) => limits.isLimited(name))).toEqual([true, false, false]);
    settings.zeta = { tasks_per_minute: 1 };
    expect(limits.isLimited('zeta')).toBe(true);
  });
});

describe('tasks per minute', () => {
  it('count after they have ended, and until their minute is over', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 2 } });
    queue(limits, 'acme', 2);
    limits.ended('acme');
    limits.ended('acme');
    expect(admits(limits, 'acme', 1, NOON + 60_999)).toBe(false);
    expect(admits(limits, 'acme', 2, NOON + 61_000)).toBe(true);
  });

  it('of long ago do not count when the fold meets them at a start', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 2, active_tasks: 10 } });
    queue(limits, 'acme', 5, NOON - 3_600_000, NOON);
    queue(limits, 'acme', 1, NOON - 30_000, NOON);
    expect(limits.activeTasks('acme')).toBe(6);
    expect(limits.refusals('acme', 2, 0, NOON)).toMatchObject(refusedAt(1));
    expect(admits(limits, 'acme', 1)).toBe(true);
  });

  it('cannot be switched off or blocked by a clock that steps back an hour', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 2 } });
    queue(limits, 'acme', 2);
    const earlier = NOON - 3_600_000;
    expect(admits(limits, 'acme', 1, earlier)).toBe(false);
    expect(admits(limits, 'acme', 1, earlier + 61_000)).toBe(true);
    queue(limits, 'acme', 2, earlier + 61_000);
    expect(admits(limits, 'acme', 1, earlier + 61_000)).toBe(false);
  });

  it('take over a limit from the moment the accounts are re-read', () => {
    const settings: Record<string, AccountLimits> = {};
    const limits = limitsFor(settings);
    queue(limits, 'acme', 5);
    settings.acme = { tasks_per_minute: 2 };
    queue(limits, 'acme', 1);
    expect(limits.refusals('acme', 2, 0, NOON)).toMatchObject(refusedAt(1));
    delete settings.acme;
    expect(admits(limits, 'acme', 1_000)).toBe(true);
  });
});

it('go on from a checkpoint as if the whole log had been folded', () => {
  const all = { active_tasks: 10, tasks_per_minute: 10 };
  const before = new Limits(() => all);
  for (let second = 0; second < 6; second++) before.queued('acme', NOON + second * 1_000, NOON + 6_000);
  for (let count = 0; count < 4; count++) before.ended('acme');
  const after = new Limits(() => all);
  after.restore(['acme', 'acme'], before.recent(NOON + 6_000), NOON + 9_000);
  expect(after.activeTasks('acme')).toBe(2);
  for (const atMs of [NOON + 9_000, NOON + 61_500, NOON + 63_500, NOON + 120_000])
    for (const count of [3, 4, 5, 6, 7, 8, 9, 10, 11])
      expect(after.refusals('acme', count, 0, atMs)).toEqual(before.refusals('acme', count, 0, atMs));
});

describe('memory', () => {
  it('is not spent on an account without limits and without tasks', () => {
    const limits = limitsFor({});
    for (let index = 0; index < 100; index++) expect(admits(limits, `account-${index}`, 1_000)).toBe(true);
    expect(limits.size).toBe(0);
    queue(limits, 'acme', 1);
    expect(limits.size).toBe(1);
    limits.ended('acme');
    expect(limits.size).toBe(0);
  });

  it('is given back for accounts that have nothing active and an empty window', () => {
    const names = Array.from({ length: 500 }, (_, index) => `account-${index}`);
    const limits = limitsFor(Object.fromEntries(names.map((name) => [name, { tasks_per_minute: 10 }])));
    for (const name of names) {
      queue(limits, name, 1);
      limits.ended(name);
    }
    expect(limits.size).toBe(500);
    for (let call = 0; call < 1_100; call++) limits.refusals('somebody', 1, 0, NOON + 61_000);
    expect(limits.size).toBe(0);
  });

  it('is not given back while something is active or in the window', () => {
    const limits = limitsFor({
      a: { tasks_per_minute: 10 },
      b: { active_tasks: 1 },
      c: { tasks_per_minute: 10 },
    });
    queue(limits, 'a', 1);
    queue(limits, 'b', 1);
    queue(limits, 'c', 1, NOON + 59_000);
    limits.ended('c');
    for (let call = 0; call < 20; call++) limits.refusals('somebody', 1, 0, NOON + 60_000);
    expect(limits.size).toBe(3);
    expect(admits(limits, 'b', 1, NOON + 60_000)).toBe(false);
    limits.ended('b');
    for (let call = 0; call < 20; call++) limits.refusals('somebody', 1, 0, NOON + 180_000);
    expect(limits.size).toBe(1);
  });
});

it('refuses exactly what a plain count refuses, whatever the order of creates and ends', () => {
  const action = fc.oneof(
    fc.record({
      does: fc.constant('create' as const),
      count: fc.integer({ min: 1, max: 6 }),
      others: fc.integer({ min: 0, max: 4 }),
    }),
    fc.record({ does: fc.constant('end' as const), count: fc.integer({ min: 1, max: 8 }) }),
    fc.record({
      does: fc.constant('pass' as const),
      ms: fc.oneof(fc.nat({ max: 3_000 }), fc.constantFrom(57_000, 60_000, 61_000)),
    }),
  );
  const second = (ms: number): number => Math.floor(ms / 1_000);
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const limits = limitsFor({ acme: { active_tasks: 8, tasks_per_minute: 10 } });
      const created: number[] = [];
      let active = 0;
      let now = NOON;
      for (const step of actions) {
        if (step.does === 'pass') now += step.ms;
        else if (step.does === 'end')
          for (let ends = Math.min(step.count, active); ends > 0; ends--, active--) limits.ended('acme');
        else {
          const { count, others } = step;
          const recent = created.filter((at) => second(now) - second(at) <= 60).length;
          const fits = active + others + count <= 8 && recent + others + count <= 10;
          expect(admits(limits, 'acme', count, now, others)).toBe(fits);
          if (!fits) continue;
          queue(limits, 'acme', count, now);
          active += count;
          for (let task = 0; task < count; task++) created.push(now);
        }
      }
    }),
    { numRuns: 500 },
  );
});
