import fc from 'fast-check';
import { expect, it } from 'vitest';
import { replayTask, tell } from '../../actors/task.ts';
import { TaskWalk } from '../../src/replay/task-walk.ts';
import { anyHistory } from '../actors/events.ts';

it('accepts of every history, legal or not, what an actor of the machine accepts', () => {
  fc.assert(
    fc.property(anyHistory, ([first, ...rest]) => {
      fc.pre(first?.type === 'queued');
      if (first?.type !== 'queued') return;
      const actor = replayTask([first]);
      const walk = new TaskWalk();
      for (const event of rest) {
        const before = actor.getSnapshot();
        if (before.status !== 'active') break;
        tell(actor, event);
        expect(walk.hears(event)).toBe(actor.getSnapshot() !== before);
        expect(walk.attempt).toBe(actor.getSnapshot().context.attempt);
      }
    }),
    { numRuns: 2_000 },
  );
});
