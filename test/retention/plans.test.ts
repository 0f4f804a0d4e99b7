import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogFull } from '../../src/log/log.ts';
import type { LogVolume } from '../../src/log/upkeep.ts';
import { allowanceFor } from '../../src/retention/allowance.ts';
import { LogRoom } from '../../src/retention/log-room.ts';
import { marginMs } from '../../src/retention/overdue-tasks.ts';
import { planPurge } from '../../src/retention/purge.ts';

const limits = { events: 10_000, bytes: 4_000_000 };
const HOUR = 3_600_000;

/** A log whose first event is 1,001. */
const holding = (events: number, eventBytes = 100, allowed = limits): LogVolume => ({
  nowMs: 0,
  madeAt: 'then',
  firstSeq: 1_001,
  lastSeq: 1_000 + events,
  events,
  bytes: events * eventBytes,
  allowed,
});

function roomOf(volume: LogVolume, openTasks = 0, foldedSeq = volume.lastSeq): LogRoom {
  const room = new LogRoom({ limits, folded: { seq: foldedSeq, openTasks } });
  room.measured(volume);
  return room;
}
const plan = (volume: LogVolume, keepFrom: number, openTasks = 0) =>
  planPurge({ use: roomOf(volume, openTasks).use(), limits, volume, keepFrom });
const admits = (room: LogRoom, tasks: number): boolean => {
  try {
    room.admit(tasks);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(LogFull);
    return false;
  }
};

describe('the room in the log', () => {
  it('is there until creates would leave none for their ends', () => {
    expect(admits(roomOf(holding(0)), 1_000)).toBe(true);
    expect(admits(roomOf(holding(9_000)), 100)).toBe(true);
    expect(admits(roomOf(holding(9_000)), 101)).toBe(false);
    expect(admits(roomOf(holding(9_600)), 1)).toBe(false);
  });

  it('is less by what the open tasks are to write yet', () => {
    expect(admits(roomOf(holding(5_000), 1_400), 1)).toBe(true);
    expect(admits(roomOf(holding(5_000), 1_600), 1)).toBe(false);
  });

  it.each([
    ['not quite a quarter of MAX_LOG_EVENTS while they are queued', 1, 2_374],
    ['a fifth once they have been started', 2, 1_900],
  ])('bounds how many tasks can be open: %s', (_, events, most) => {
    let open = 0;
    while (admits(roomOf(holding(open * events), open), 1)) open += 1;
    expect(open).toBe(most);
  });

  it('is measured in bytes as well', () => {
    expect(admits(roomOf(holding(3_000, 1_200)), 20)).toBe(true);
    expect(admits(roomOf(holding(3_000, 1_300)), 20)).toBe(false);
  });

  it('shrinks with what is folded after the log was measured', () => {
    expect(admits(roomOf(holding(9_000), 0, 10_000 + 450), 1)).toBe(true);
    expect(admits(roomOf(holding(9_000), 0, 10_000 + 500), 1)).toBe(false);
  });
});

describe('a purge', () => {
  it('is not made while the log is not nearly full', () => {
    expect(plan(holding(8_400), Number.POSITIVE_INFINITY)).toEqual({ wanted: 0, before: undefined });
  });

  it('takes a fifth of the log at once', () => {
    expect(plan(holding(8_500), Number.POSITIVE_INFINITY)).toEqual({ wanted: 2_000, before: 3_001 });
    expect(plan(holding(4_000, 900), Number.POSITIVE_INFINITY)).toMatchObject({ wanted: 1_112 });
  });

  it('makes room for the ends of open tasks too', () => {
    expect(plan(holding(8_000), 9_000, 200)).toEqual({ wanted: 2_100, before: 3_101 });
  });

  it('stops at the oldest open task, and is not worth it for a little', () => {
    expect(plan(holding(9_000), 2_000)).toEqual({ wanted: 2_500, before: 2_000 });
    expect(plan(holding(9_000), 1_451)).toEqual({ wanted: 2_500, before: 1_451 });
    expect(plan(holding(9_000), 1_450)).toEqual({ wanted: 2_500, before: undefined });
    expect(plan(holding(9_000), 1_001)).toEqual({ wanted: 2_500, before: undefined });
  });

  it('never takes what must stay, whatever the log holds', () => {
    const any = fc.record({
      events: fc.integer({ min: 0, max: 20_000 }),
      eventBytes: fc.integer({ min: 1, max: 5_000 }),
      open: fc.integer({ min: 0, max: 5_000 }),
      keepFrom: fc.integer({ min: 0, max: 25_000 }),
    });
    fc.assert(
      fc.property(any, ({ events, eventBytes, open, keepFrom }) => {
        const volume = holding(events, eventBytes);
        const { before, wanted } = plan(volume, keepFrom, open);
        if (before === undefined) return;
        expect(before).toBeLessThanOrEqual(keepFrom);
        expect(before).toBeLessThanOrEqual(volume.lastSeq + 1);
        expect(before - volume.firstSeq).toBeGreaterThan(0);
        expect(before - volume.firstSeq).toBeLessThanOrEqual(wanted);
      }),
    );
  });
});

describe('what the log is allowed to hold', () => {
  it('is what the settings say, unless it is full', () => {
    expect(allowanceFor(limits, holding(9_890))).toBeUndefined();
    expect(allowanceFor(limits, holding(9_900))).toEqual({ ...limits, events: 11_000 });
    expect(allowanceFor(limits, holding(4_000, 999))).toEqual({ ...limits, bytes: 4_400_000 });
  });

  it('is enough also after the settings were lowered to less than the log holds', () => {
    expect(allowanceFor(limits, holding(30_000, 10))).toEqual({ ...limits, events: 31_000 });
  });

  it('goes back to the settings when the log is below them again', () => {
    const more = { ...limits, events: 11_000 };
    expect(allowanceFor(limits, holding(9_500, 100, more))).toBeUndefined();
    expect(allowanceFor(limits, holding(8_900, 100, more))).toEqual(limits);
  });
});

it('ends open tasks a day before the log lets go of them, sooner where it keeps events for a few days only', () => {
  expect(marginMs(7 * 24 * HOUR)).toBe(24 * HOUR);
  expect(marginMs(4 * 24 * HOUR)).toBe(24 * HOUR);
  expect(marginMs(24 * HOUR)).toBe(6 * HOUR);
});
