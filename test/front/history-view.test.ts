import { expect, test } from 'vitest';
import { historyJson } from '../../src/front/history-view.ts';
import type { StoredEvent } from '../../src/log/envelope.ts';
import { completed, progress, queued, started } from '../actors/events.ts';

const shown = (...events: StoredEvent['event'][]) =>
  JSON.parse(
    historyJson(
      events.map((event, index) => ({ key: 'key', name: 'hello', seq: 41 + index, event }) as StoredEvent),
    ),
  );

test('A history whose beginning has gone says what is missing, and still what came late', () => {
  const whole = shown(queued(), started(1), completed(1), progress(1, 50));
  expect(whole.at(-1)).toMatchObject({ type: 'progress', late: true });
  const { seq, ...rest } = whole.at(-1);
  const cut = shown(started(1), completed(1), progress(1, 50));
  expect(cut[0]).toEqual({ gap: { from: 1, to: 40 } });
  expect(cut.at(-1)).toEqual({ seq: seq - 1, ...rest });
  expect(cut).toHaveLength(4);
});
