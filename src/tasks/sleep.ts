import { setTimeout } from 'node:timers/promises';
import Type from 'typebox';
import { defineTask, type WorkerContext } from './definition.ts';

export const sleep = defineTask({
  name: 'sleep',
  description: 'Waits and reports progress from 0 to 100. For trying things out.',
  parameters: Type.Object(
    {
      seconds: Type.Number({ description: 'how long to wait', minimum: 0, maximum: 3_600 }),
      steps: Type.Integer({
        description: 'steps in which progress goes from 0 to 100; 0 for no progress',
        default: 10,
        minimum: 0,
        maximum: 100,
      }),
    },
    { additionalProperties: false },
  ),
  result: Type.Object({ slept: Type.Number({ description: 'seconds waited, as asked for' }) }),
  runsIn: 'worker',
  hasDeadline: false,
  run: async ({ seconds, steps }, context) => {
    await waitInSteps(seconds * 1_000, steps, context);
    return { slept: seconds };
  },
});

/** Rejects with the signal's reason as soon as that is aborted. */
async function waitInSteps(ms: number, steps: number, { signal, progress }: WorkerContext): Promise<void> {
  signal.throwIfAborted();
  const startedAt = performance.now();
  const waits = Math.max(1, steps);
  if (steps > 0) progress(0);
  for (let step = 1; step <= waits; step += 1) {
    // Each wait ends where the clock says the step ends, so that late timers do not add up.
    const leftMs = startedAt + (ms * step) / waits - performance.now();
    await setTimeout(Math.max(0, leftMs), undefined, { signal }).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error;
    });
    if (steps > 0) progress(Math.round((100 * step) / steps));
  }
}
