import { isEnd } from '../../actors/event.ts';
import type { StoredEvent } from '../log/envelope.ts';
import type { Gap } from '../log/reading.ts';
import { fold, type TaskState } from '../projection/state.ts';

/**
 * Events as auditors see them: `[{seq, time, type, key, data, late?}]`. Where the beginning has gone, `{gap}` stands for it, as
 * in a feed of events.
 */
export function historyJson(history: readonly StoredEvent[]): string {
  let state: TaskState | undefined;
  let hasEnded = false;
  let time = '';
  const lines = history.map((stored) => {
    const { type, at, account: _, ...data } = stored.event;
    const isLate = hasEnded;
    state = fold(state, stored);
    hasEnded ||= state ? state.completed !== undefined : isEnd(type);
    // The dates of one task never run backwards, whatever the clocks of its hosts said.
    time = at > time ? at : time;
    return { seq: stored.seq, time, type, key: stored.key, data, ...(isLate ? { late: true } : {}) };
  });
  return JSON.stringify([...gapBefore(history), ...lines]);
}

/** Every history begins with `queued`, as long as the log or its archive has that. */
function gapBefore([first]: readonly StoredEvent[]): readonly Gap[] {
  if (!first || first.event.type === 'queued') return [];
  return [{ gap: { from: 1, to: first.seq - 1 } }];
}
