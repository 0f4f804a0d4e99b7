import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../actors/failure.ts';
import { catalogue } from '../../src/tasks/catalogue.ts';
import type { RunContext, TaskDefinition } from '../../src/tasks/definition.ts';
import { Interruption, type Reason } from '../../src/worker/interruption.ts';
import { hasSinglePhase, SinglePhase } from '../../src/worker/single-phase.ts';

const untilAborted = ({ signal }: RunContext): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(new Error('aborted'));
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });

/** An attempt at a task that does this when it runs. */
const attempt = (run: (context: RunContext) => Promise<unknown>, reported: unknown[] = []): SinglePhase =>
  new SinglePhase({
    definition: { run: (_, context) => run(context) } as Partial<TaskDefinition> as TaskDefinition,
    parameters: {},
    queuedMs: 7,
    progress: (value) => reported.push(value),
  });

describe('a task that has one phase', () => {
  it('is one that touches no bytes', () => {
    const found = [...catalogue.values()].filter((definition) => hasSinglePhase(definition, {}));
    expect(found.map(({ name }) => name).sort()).toEqual(['hello', 'sleep']);
  });

  it('completes with its result, and tells how long it took', async () => {
    const reported: unknown[] = [];
    const phase = attempt(async ({ progress }) => {
      progress(50);
      return 'Hello';
    }, reported);
    const outcome = await phase.run(undefined, new Interruption());
    expect(outcome).toEqual({ kind: 'completed', result: 'Hello', outputs: [] });
    expect(reported).toEqual([50]);
    expect(phase.known().spent).toEqual({ queued: 7, fetching: 0, running: expect.any(Number), storing: 0 });
  });

  it('fails as it says, and without a word of what it did not foresee', async () => {
    const known = new TaskFailure('File has no pixels');
    const fail = (run: () => Promise<never>) => attempt(run).run(undefined, new Interruption());
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
    const outcome = await attempt(untilAborted).run(10, new Interruption());
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
    expect(await attempt(untilAborted).run(undefined, early)).toEqual({ kind });

    const signals: AbortSignal[] = [];
    const running = new Interruption();
    const outcome = attempt((context) => {
      signals.push(context.signal);
      return untilAborted(context);
    }).run(undefined, running);
    running.interrupt(reason);
    expect(await outcome).toEqual({ kind });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});
