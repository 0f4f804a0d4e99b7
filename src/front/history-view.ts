import type { StoredEvent } from '../log/envelope.ts';
import { fold, type TaskState } from '../projection/state.ts';

/** Events as auditors see them: `[{seq, time, type, key, data, late?}]`. */
export function historyJson(history: readonly StoredEvent[]): string {
  let state: TaskState | undefined;
  let hasEnded = false;
  let time = '';
  const lines = history.map((stored) => {
    const { type, at, account: _, ...data } = stored.event;
    const isLate = hasEnded;
    state = fold(state, stored);
    hasEnded ||= state?.completed !== undefined;
    // The dates of one task never run backwards, whatever the clocks of its hosts said.
    time = at > time ? at : time;
    return { seq: stored.seq, time, type, key: stored.key, data, ...(isLate ? { late: true } : {}) };
  });
  return JSON.stringify(lines);
}
