import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../actors/failure.ts';
import { catalogue } from '../../src/tasks/catalogue.ts';
import { Interruption, type Reason } from '../../src/worker/interruption.ts';
import { hasSinglePhase, runSinglePhase } from '../../src/worker/single-phase.ts';

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

describe('a task that has one phase', () => {
  it('is one that touches no bytes', () => {
    const found = [...catalogue.values()].filter((definition) => hasSinglePhase(definition, {}));
    expect(found.map(({ name }) => name).sort()).toEqual(['hello', 'sleep']);
  });

  it('completes with its result', async () => {
    const run = async () => ({ result: 'Hello', outputs: 0 });
    const outcome = await runSinglePhase(run, undefined, new Interruption());
    expect(outcome).toEqual({ kind: 'completed', result: 'Hello', outputs: [] });
  });

  it('fails as it says, and without a word of what it did not foresee', async () => {
    const known = new TaskFailure('File has no pixels');
    const fail = (error: Error) => runSinglePhase(() => Promise.reject(error), undefined, new Interruption());
    expect(await fail(known)).toEqual({ kind: 'failure', failure: known });
    const unforeseen = await fail(new Error('undefined is not a function'));
    expect(unforeseen).toMatchObject({
      failure: { message: 'the task failed unexpectedly', passing: true },
    });
  });

  it('is cut off at its deadline', async () => {
    const outcome = await runSinglePhase(untilAborted, 10, new Interruption());
    expect(outcome).toMatchObject({
      kind: 'failure',
      failure: { message: 'the task took longer than 0.01 s' },
    });
  });

  it.each<[Reason, string]>([
    ['stop', 'handed_back'],
    ['cancel', 'canceled'],
  ])('is aborted by %s, before it runs and while it does', async (reason, kind) => {
    const early = new Interruption();
    early.interrupt(reason);
    expect(await runSinglePhase(untilAborted, undefined, early)).toEqual({ kind });

    const signals: AbortSignal[] = [];
    const running = new Interruption();
    const outcome = runSinglePhase(
      (signal) => {
        signals.push(signal);
        return untilAborted(signal);
      },
      undefined,
      running,
    );
    running.interrupt(reason);
    expect(await outcome).toEqual({ kind });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});
