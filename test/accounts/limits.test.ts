import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccountLimits } from '../../src/accounts/account.ts';
import { type LimitRefusal, Limits, type Reservation } from '../../src/accounts/limits.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

const limitsFor = (limits: Record<string, AccountLimits>): Limits => new Limits((account) => limits[account]);

function reserved(answer: Reservation | LimitRefusal): Reservation {
  if (!answer.ok) throw new Error(answer.description);
  return answer;
}

const queue = (limits: Limits, account: string, count: number, atMs = NOON, nowMs = atMs): void => {
  for (let task = 0; task < count; task++) limits.queued(account, atMs, nowMs);
};

describe('active tasks', () => {
  it('may reach the limit and not pass it', () => {
    const limits = limitsFor({ acme: { active_tasks: 1_000 } });
    queue(limits, 'acme', 998);
    expect(limits.reserve('acme', 5, NOON)).toEqual({
      ok: false,
      name: 'active_tasks',
      limit: 1_000,
      current: 998,
      description: "account 'acme' may have 1000 active tasks, it has 998 and this request adds 5",
    });
    expect(limits.reserve('acme', 3, NOON).ok).toBe(false);
    expect(limits.reserve('acme', 2, NOON).ok).toBe(true);
  });

  it('of a request are refused whole, and a refusal takes no room', () => {
    const limits = limitsFor({ acme: { active_tasks: 3 } });
    expect(limits.reserve('acme', 4, NOON).ok).toBe(false);
    expect(limits.reserve('acme', 3, NOON).ok).toBe(true);
    expect(limits.reserve('acme', 1, NOON)).toMatchObject({ current: 3 });
  });

  it('make room when they end', () => {
    const limits = limitsFor({ acme: { active_tasks: 2 } });
    queue(limits, 'acme', 2);
    expect(limits.reserve('acme', 1, NOON).ok).toBe(false);
    limits.ended('acme');
    expect(limits.activeTasks('acme')).toBe(1);
    expect(limits.reserve('acme', 1, NOON).ok).toBe(true);
  });

  it('count for their own account only', () => {
    const limits = limitsFor({ acme: { active_tasks: 1 }, zeta: { active_tasks: 1 } });
    queue(limits, 'acme', 1);
    limits.ended('zeta');
    expect(limits.reserve('zeta', 1, NOON).ok).toBe(true);
    expect(limits.reserve('acme', 1, NOON).ok).toBe(false);
  });

  it('limited to none admit none', () => {
    const limits = limitsFor({ acme: { active_tasks: 0 }, zeta: { tasks_per_minute: 0 } });
    expect(limits.reserve('acme', 1, NOON).ok).toBe(false);
    expect(limits.reserve('zeta', 1, NOON).ok).toBe(false);
  });

  it('never count below nothing', () => {
    const limits = limitsFor({ acme: { active_tasks: 1, tasks_per_minute: 100 } });
    queue(limits, 'acme', 1);
    for (let end = 0; end < 3; end++) limits.ended('acme');
    queue(limits, 'acme', 1);
    expect(limits.reserve('acme', 1, NOON)).toMatchObject({ ok: false, current: 1 });
  });

  it('may stand above a limit that was lowered, and then add none', () => {
    const settings: Record<string, AccountLimits> = { acme: {} };
    const limits = limitsFor(settings);
    queue(limits, 'acme', 5);
    settings.acme = { active_tasks: 3 };
    expect(limits.reserve('acme', 1, NOON)).toMatchObject({ limit: 3, current: 5 });
  });
});

describe('a reservation', () => {
  it('counts until it is settled, and the fold counts from there', () => {
    const limits = limitsFor({ acme: { active_tasks: 2, tasks_per_minute: 100 } });
    const reservation = reserved(limits.reserve('acme', 2, NOON));
    expect(limits.reserve('acme', 1, NOON).ok).toBe(false);
    queue(limits, 'acme', 2);
    reservation.settle();
    expect(limits.reserve('acme', 1, NOON)).toMatchObject({ ok: false, current: 2 });
    limits.ended('acme');
    expect(limits.reserve('acme', 1, NOON).ok).toBe(true);
  });

  it('gives its room back when it is cancelled', () => {
    const limits = limitsFor({ acme: { active_tasks: 2, tasks_per_minute: 2 } });
    reserved(limits.reserve('acme', 2, NOON)).cancel();
    expect(limits.reserve('acme', 2, NOON).ok).toBe(true);
  });

  it('is given back once, however often it is settled or cancelled', () => {
    const limits = limitsFor({ acme: { active_tasks: 3 } });
    const first = reserved(limits.reserve('acme', 1, NOON));
    reserved(limits.reserve('acme', 2, NOON));
    first.settle();
    first.cancel();
    first.settle();
    expect(limits.reserve('acme', 2, NOON)).toMatchObject({ ok: false, current: 2 });
  });

  it('counts against the minute too, as long as it is held', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 10 } });
    const reservation = reserved(limits.reserve('acme', 8, NOON));
    expect(limits.reserve('acme', 3, NOON + 3_600_000)).toEqual({
      ok: false,
      name: 'tasks_per_minute',
      limit: 10,
      current: 8,
      description:
        "account 'acme' may create 10 tasks a minute, it has created 8 in the last 60 seconds and this request adds 3",
    });
    reservation.cancel();
    expect(limits.reserve('acme', 10, NOON).ok).toBe(true);
  });
});

describe('tasks per minute', () => {
  it('count after they have ended, and until their minute is over', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 2 } });
    queue(limits, 'acme', 2);
    limits.ended('acme');
    limits.ended('acme');
    expect(limits.reserve('acme', 1, NOON + 59_999).ok).toBe(false);
    expect(limits.reserve('acme', 2, NOON + 60_000).ok).toBe(true);
  });

  it('of long ago do not count when the fold meets them at a start', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 2, active_tasks: 10 } });
    queue(limits, 'acme', 5, NOON - 3_600_000, NOON);
    queue(limits, 'acme', 1, NOON - 30_000, NOON);
    expect(limits.activeTasks('acme')).toBe(6);
    expect(limits.reserve('acme', 2, NOON)).toMatchObject({ current: 1 });
    expect(limits.reserve('acme', 1, NOON).ok).toBe(true);
  });

  it('cannot be switched off or blocked by a clock that steps back an hour', () => {
    const limits = limitsFor({ acme: { tasks_per_minute: 2 } });
    queue(limits, 'acme', 2);
    const earlier = NOON - 3_600_000;
    expect(limits.reserve('acme', 1, earlier).ok).toBe(false);
    expect(limits.reserve('acme', 1, earlier + 60_000).ok).toBe(true);
    queue(limits, 'acme', 2, earlier + 60_000);
    expect(limits.reserve('acme', 1, earlier + 60_000).ok).toBe(false);
  });

  it('take over a limit from the moment the accounts are re-read', () => {
    const settings: Record<string, AccountLimits> = {};
    const limits = limitsFor(settings);
    queue(limits, 'acme', 5);
    settings.acme = { tasks_per_minute: 2 };
    queue(limits, 'acme', 1);
    expect(limits.reserve('acme', 2, NOON)).toMatchObject({ current: 1 });
    delete settings.acme;
    expect(limits.reserve('acme', 1_000, NOON).ok).toBe(true);
  });
});

describe('memory', () => {
  it('is not spent on an account without limits and without tasks', () => {
    const limits = limitsFor({});
    for (let index = 0; index < 100; index++) reserved(limits.reserve(`account-${index}`, 1_000, NOON));
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
    for (let call = 0; call < 1_100; call++) limits.reserve('somebody', 1, NOON + 60_000);
    expect(limits.size).toBe(0);
  });

  it('is not given back while something is active, reserved or in the window', () => {
    const limits = limitsFor({
      a: { tasks_per_minute: 10 },
      b: { active_tasks: 1 },
      c: { tasks_per_minute: 10 },
    });
    queue(limits, 'a', 1);
    const held = reserved(limits.reserve('b', 1, NOON));
    queue(limits, 'c', 1, NOON + 59_000);
    limits.ended('c');
    for (let call = 0; call < 20; call++) limits.reserve('somebody', 1, NOON + 60_000);
    expect(limits.size).toBe(3);
    expect(limits.reserve('b', 1, NOON + 60_000).ok).toBe(false);
    held.cancel();
    for (let call = 0; call < 20; call++) limits.reserve('somebody', 1, NOON + 180_000);
    expect(limits.size).toBe(1);
  });
});

it('refuses exactly what a plain count refuses, whatever the order of creates, folds and ends', () => {
  const action = fc.oneof(
    fc.record({ does: fc.constant('reserve' as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ does: fc.constantFrom('settle' as const, 'cancel' as const), which: fc.nat() }),
    fc.record({ does: fc.constant('end' as const) }),
    fc.record({ does: fc.constant('pass' as const), ms: fc.nat({ max: 40_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const limits = limitsFor({ acme: { active_tasks: 12, tasks_per_minute: 20 } });
      const held: { reservation: Reservation; count: number }[] = [];
      const created: number[] = [];
      let active = 0;
      let now = NOON;
      for (const step of actions) {
        if (step.does === 'pass') now += step.ms;
        else if (step.does === 'end' && active > 0) {
          active -= 1;
          limits.ended('acme');
        } else if (step.does === 'settle' || step.does === 'cancel') {
          const [one] = held.splice(step.which % Math.max(1, held.length), 1);
          if (one === undefined) continue;
          if (step.does === 'settle') {
            queue(limits, 'acme', one.count, now);
            active += one.count;
            for (let task = 0; task < one.count; task++) created.push(now);
          }
          one.reservation[step.does]();
        } else if (step.does === 'reserve') {
          const pending = held.reduce((sum, { count }) => sum + count, 0);
          const second = (ms: number): number => Math.floor(ms / 1_000);
          const recent = created.filter((at) => second(now) - second(at) < 60).length;
          const fits = active + pending + step.count <= 12 && recent + pending + step.count <= 20;
          const answer = limits.reserve('acme', step.count, now);
          expect(answer.ok).toBe(fits);
          if (answer.ok) held.push({ reservation: answer, count: step.count });
        }
      }
    }),
    { numRuns: 500 },
  );
});
