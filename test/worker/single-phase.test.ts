import { describe, expect, it } from 'vitest';
import type { AttemptCommand } from '../../actors/attempt.ts';
import { TaskFailure } from '../../actors/failure.ts';
import { deferred } from '../../src/deferred.ts';
import type { WorkerContext } from '../../src/tasks/definition.ts';
import type { RunInput } from '../../src/worker/attempt-run.ts';
import { Interruption } from '../../src/worker/interruption.ts';
import { SinglePhase } from '../../src/worker/single-phase.ts';

const untilAborted = ({ signal }: WorkerContext): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(new Error('aborted'));
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });

const IGNORED = { report: () => {}, announce: () => {} };

/** An attempt at a task that does this when it runs. */
const attempt = (
  run: (context: WorkerContext) => Promise<unknown>,
  given: Partial<RunInput> = {},
): SinglePhase =>
  new SinglePhase(
    { run: (_, context) => run(context) },
    {
      parameters: {},
      queuedMs: 7,
      deadlineMs: undefined,
      progress: IGNORED,
      interruption: new Interruption(),
      isOurs: Promise.resolve(true),
      ...given,
    },
  );

describe('a task that has one phase', () => {
  it('completes with its result, and tells how long it took', async () => {
    const reported: unknown[] = [];
    const phase = attempt(
      async ({ progress }) => {
        progress(50);
        return 'Hello';
      },
      { progress: { ...IGNORED, report: (value) => void reported.push(value) } },
    );
    expect(await phase.run()).toEqual({ kind: 'completed', result: 'Hello', outputs: [] });
    expect(reported).toEqual([50]);
    expect(phase.known().spent).toEqual({ queued: 7, fetching: 0, running: expect.any(Number), storing: 0 });
  });

  it('fails as it says, and without a word of what it did not foresee', async () => {
    const known = new TaskFailure('File has no pixels');
    const fail = (run: () => Promise<never>) => attempt(run).run();
    expect(await fail(() => Promise.reject(known))).toEqual({ kind: 'failure', failure: known });
    const unforeseen = { failure: { message: 'the task failed unexpectedly', passing: true } };
    expect(await fail(() => Promise.reject(new Error('undefined is not a function')))).toMatchObject(
      unforeseen,
    );
    const atOnce = () => {
      throw new Error('undefined is not a function');
    };
    expect(await fail(atOnce)).toMatchObject(unforeseen);
  });

  it('is cut off at its deadline', async () => {
    expect(await attempt(untilAborted, { deadlineMs: 10 }).run()).toMatchObject({
      kind: 'failure',
      failure: { message: 'the task took longer than 0.01 s' },
    });
  });

  /** What it comes to, and whether it was aborted, where this happens while it runs. */
  async function disturbed(given: Parameters<typeof attempt>[1], happen: () => void) {
    const signals: AbortSignal[] = [];
    const outcome = attempt((context) => {
      signals.push(context.signal);
      return untilAborted(context);
    }, given).run();
    happen();
    return { outcome: await outcome, aborted: signals.map(({ aborted }) => aborted) };
  }

  it.each<[AttemptCommand, string]>([
    ['HAND_BACK', 'handed_back'],
    ['CANCEL', 'canceled'],
  ])('is aborted by %s, before it runs and while it does', async (command, kind) => {
    const early = new Interruption();
    early.interrupt(command);
    expect(await attempt(untilAborted, { interruption: early }).run()).toEqual({ kind });

    const interruption = new Interruption();
    const found = await disturbed({ interruption }, () => interruption.interrupt(command));
    expect(found).toEqual({ outcome: { kind }, aborted: [true] });
  });

  it('is aborted, and comes to nothing, when another worker has the attempt', async () => {
    const isOurs = deferred<boolean>();
    const found = await disturbed({ isOurs: isOurs.promise }, () => isOurs.resolve(false));
    expect(found).toEqual({ outcome: undefined, aborted: [true] });
  });
});
