import { expect, it } from 'vitest';
import { LateEvents } from '../../src/projection/late-events.ts';
import { completed, failed, progress, queued, started } from '../actors/events.ts';
import { fedProjection } from './fed-projection.ts';

/** Keys of the time at which the histories of these tests begin, 2027. */
const [FIRST, SECOND] = ['01MCC5RM00PH8E2RX7S7QX1T2A', '01MCC5RM00PH8E2RX7S7QX1T2B'] as const;
/** And of an hour later. */
const LATER = '01MCC975K0PH8E2RX7S7QX1T2C';

/** A projection that keeps one ended task, and how an event comes to it. */
const projection = () => fedProjection({ maxEnded: 1 });

const record = (seqs: readonly number[]) => ({
  events: seqs.map((seq) => [seq, FIRST] as const),
  madeAfterMs: 0,
  endedFrom: 0,
});

it('knows an event as late though its task has left the memory', async () => {
  const { made, tell } = projection();
  await made.start();
  tell(1, FIRST, queued());
  tell(2, FIRST, failed(0));
  tell(3, SECOND, queued());
  tell(4, SECOND, failed(0));
  tell(5, FIRST, started(1));
  expect([1, 2, 3, 4, 5].filter((seq) => made.isLate(seq))).toEqual([5]);
});

it('knows after a start what was late before it, and what comes late of tasks that had ended', async () => {
  const { made, tell } = projection();
  made.restore({ seq: 10, open: [], recent: [], late: record([4, 7]) });
  await made.start();
  tell(11, FIRST, progress(1, 50));
  expect([4, 5, 7, 11].filter((seq) => made.isLate(seq))).toEqual([4, 7, 11]);
  expect(made.checkpoint()).toEqual({ seq: 11, open: [], late: record([4, 7, 11]) });
});

it('takes no event as late because the beginning of its task has left the log', async () => {
  const { made, tell } = projection();
  await made.start();
  tell(21, FIRST, started(1));
  tell(22, FIRST, completed(1));
  tell(23, LATER, queued(3_600));
  tell(24, LATER, failed(0, 'no', 3_600));
  tell(25, SECOND, progress(1, 50));
  tell(26, FIRST, progress(1, 50));
  expect([21, 22, 23, 24, 25, 26].filter((seq) => made.isLate(seq))).toEqual([]);
  tell(27, LATER, progress(1, 50));
  expect(made.isLate(27)).toBe(true);
});

it('keeps the newest 100,000, and knows that it has forgotten others', () => {
  const late = new LateEvents();
  late.begin(Number.NEGATIVE_INFINITY);
  for (let seq = 1; seq <= 100_000; seq++) late.add(seq, FIRST);
  expect(late.knowsAll(1, 1)).toBe(true);
  for (let seq = 100_001; seq <= 100_003; seq++) late.add(seq, SECOND);
  expect([late.has(3), late.has(4), late.record().events.length]).toEqual([false, true, 100_000]);
  expect(late.of(SECOND)).toEqual([100_001, 100_002, 100_003]);
  expect([late.knowsAll(1, 2), late.knowsAll(1, 3)]).toEqual([false, true]);
});

it('knows of which tasks it has met all that came late', async () => {
  const { made, tell, miss } = projection();
  await made.start();
  tell(1, FIRST, queued());
  tell(2, FIRST, failed(0));
  tell(3, FIRST, started(1));
  expect(made.lateEventsOf(FIRST)).toEqual([3]);
  expect(made.knowsLateEventsOf(FIRST, 2)).toBe(true);
  miss(9);
  expect(made.knowsLateEventsOf(FIRST, 2)).toBe(false);
  expect(made.knowsLateEventsOf(SECOND, 10)).toBe(true);
});

it('does not claim to know what came late of tasks that were made before it looked', async () => {
  const { made, tell } = projection();
  await made.start();
  tell(21, LATER, queued(3_600));
  tell(22, LATER, failed(0, 'no', 3_600));
  expect(made.knowsLateEventsOf(FIRST, 22)).toBe(false);
  const { made: second } = projection();
  second.restore({ ...made.checkpoint(), recent: [] });
  await second.start();
  expect(second.knowsLateEventsOf(FIRST, 22)).toBe(false);
});
