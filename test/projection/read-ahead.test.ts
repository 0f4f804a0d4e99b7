import { expect, it } from 'vitest';
import { completed, KEY, queued, started } from '../actors/events.ts';
import { fedProjection, storedAt } from './fed-projection.ts';

const events = [queued(), started(1), completed(1)];

it('a task that has ended, but not yet here, is read when the fold has told its end, so that it never goes back', async () => {
  const told: string[] = [];
  const { made, tell } = fedProjection({ onChange: (_, event) => told.push(event.type) }, () =>
    events.map((event, index) => storedAt(index + 1, KEY, event)),
  );
  await made.start();
  const reading = made.read(KEY).then((state) => told.push(`read: ${state?.status}`));
  // The log has answered by then.
  await new Promise(setImmediate);
  for (const [index, event] of events.entries()) tell(index + 1, KEY, event);
  await reading;
  expect(told).toEqual(['queued', 'started', 'completed', 'read: success']);
});
