import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { newKey } from '../../src/log/key.ts';
import { type Checkpoint, FORMAT, fromLines, toLines } from '../../src/projection/checkpoint.ts';
import { NOTHING_LATE } from '../../src/projection/late-events.ts';
import { fold, isEnded, type TaskState } from '../../src/projection/state.ts';
import { anyHistory, completed, KEY, queued, started } from '../actors/events.ts';

const foldAll = (events: readonly TaskEvent[], state?: TaskState): TaskState | undefined =>
  events.reduce<TaskState | undefined>(
    (before, event, index) => fold(before, { seq: index + 1, key: KEY, name: 'hello', event }),
    state,
  );
const saved = (checkpoint: Checkpoint) => ({
  seq: checkpoint.seq,
  format: FORMAT,
  lines: [...toLines(checkpoint)],
});

describe('a checkpoint', () => {
  it('comes back from its lines as it was, whatever has happened to its tasks', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const state = foldAll(history);
        const open = state && !isEnded(state) ? [state] : [];
        const recent = [{ account: 'acme "and" sons', atMs: 1_000, count: 3 }];
        const events = Array.from({ length: 2_345 }, (_, index) => [index * 3, newKey()] as const);
        const late = { events, madeAfterMs: 1_000, endedFrom: 5 };
        const back = fromLines(saved({ seq: 7, open, recent, late }));
        expect(back).toEqual({ seq: 7, open, recent, late });
        expect(Object.keys(back?.open[0] ?? {})).toEqual(Object.keys(open[0] ?? {}));
      }),
    );
  });

  it('lets its tasks go on where they were', () => {
    const before = foldAll([queued(), started(1)]) as TaskState;
    const back = fromLines(saved({ seq: 2, open: [before], recent: [], late: NOTHING_LATE }))?.open[0];
    expect(foldAll([completed(1)], back)).toEqual(foldAll([completed(1)], before));
  });

  it('of another version is not taken for one of this', () => {
    expect(fromLines({ seq: 7, format: `${FORMAT} more`, lines: [] })).toBeUndefined();
    expect(fromLines({ seq: 7, format: '9: another', lines: ['{"of":"the future"}'] })).toBeUndefined();
  });

  it('names in its format what a state is made of', () => {
    expect(FORMAT.replace(/^\d+: /, '').split(' ')).toEqual(Object.keys(foldAll([queued()]) as TaskState));
  });
});
