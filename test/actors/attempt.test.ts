import { describe, expect, it } from 'vitest';
import { createActor, SimulatedClock, waitFor } from 'xstate';
import { type AttemptEffects, attemptMachine, type Outcome } from '../../actors/attempt.ts';
import { TaskFailure } from '../../actors/failure.ts';

const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** Runs an attempt with some of its effects replaced; what was reported, and which signals were aborted. */
function attempt(
  effects: Partial<AttemptEffects>,
  deadlineMs?: number,
  { hasSources = true, needsPlace = true } = {},
) {
  const reported: Outcome[] = [];
  const signals: AbortSignal[] = [];
  const clock = new SimulatedClock();
  const noted =
    <A extends unknown[], T>(effect: (...args: A) => T) =>
    (...args: A): T => {
      signals.push(args.at(-1) as AbortSignal);
      return effect(...args);
    };
  const actor = createActor(attemptMachine, {
    clock,
    input: {
      hasSources,
      needsPlace,
      deadlineMs,
      effects: {
        spent: effects.spent ?? { fetching: 0 },
        wait: noted(effects.wait ?? (async () => {})),
        fetch: noted(effects.fetch ?? (async () => ['source'])),
        run: noted(effects.run ?? (async (fetched) => ({ result: { fetched }, outputs: 1 }))),
        store: noted(effects.store ?? (async ({ result }) => ({ result, outputs: [] }))),
        report: effects.report ?? (async (outcome) => void reported.push(outcome)),
      },
    },
  });
  actor.start();
  const ended = () => waitFor(actor, ({ status }) => status === 'done').then(() => reported);
  return { actor, clock, ended, signals };
}

describe('an attempt', () => {
  it('fetches, runs, stores and reports, each with what the one before gave', async () => {
    const reported = await attempt({}).ended();
    expect(reported).toEqual([{ kind: 'completed', result: { fetched: ['source'] }, outputs: [] }]);
  });

  it('passes over what there is nothing to do for', async () => {
    const called: string[] = [];
    const reported = await attempt(
      {
        fetch: async () => called.push('fetch'),
        wait: async () => void called.push('wait'),
        run: async () => ({ result: 'Hello', outputs: 0 }),
        store: async () => {
          called.push('store');
          return { result: null, outputs: [] };
        },
      },
      undefined,
      { hasSources: false, needsPlace: false },
    ).ended();
    expect(reported).toEqual([{ kind: 'completed', result: 'Hello', outputs: [] }]);
    expect(called).toEqual([]);
  });

  it.each(['fetch', 'wait', 'run', 'store'] as const)(
    'reports the failure of %s as it was thrown',
    async (phase) => {
      const failure = new TaskFailure("File 'http://x/' answered 404");
      const [outcome] = await attempt({
        [phase]: async () => {
          throw failure;
        },
      }).ended();
      expect(outcome).toEqual({ kind: 'failure', failure });
    },
  );

  it('reports a surprise as a passing failure that tells no internals', async () => {
    const cause = new TypeError('secret internals');
    const [outcome] = await attempt({
      run: async () => {
        throw cause;
      },
    }).ended();
    expect(outcome).toMatchObject({
      kind: 'failure',
      failure: { passing: true, message: 'the task failed unexpectedly', cause },
    });
  });

  it('is cut off at its deadline, and what ran in it is aborted', async () => {
    const { clock, ended, signals } = attempt({ fetch: never }, 60_000);
    clock.increment(59_999);
    expect(signals[0]?.aborted).toBe(false);
    clock.increment(1);
    const [outcome] = await ended();
    expect(outcome).toMatchObject({
      kind: 'failure',
      failure: { passing: true, message: 'the task took longer than 60 s' },
    });
    expect(signals[0]?.aborted).toBe(true);
  });

  it('does not count the time that it waits for a place', async () => {
    let enter: () => void = () => {};
    const { actor, clock, ended } = attempt(
      {
        spent: { fetching: 20_000 },
        wait: () =>
          new Promise((resolve) => {
            enter = resolve;
          }),
        run: (_, signal) => never(signal),
      },
      60_000,
    );
    await waitFor(actor, (snapshot) => snapshot.matches({ working: 'waiting' }));
    clock.increment(1_000_000_000);
    enter();
    await waitFor(actor, (snapshot) => snapshot.matches({ working: 'making' }));
    clock.increment(39_999);
    expect(actor.getSnapshot().matches({ working: 'making' })).toBe(true);
    clock.increment(1);
    expect(await ended()).toMatchObject([{ failure: { message: 'the task took longer than 60 s' } }]);
  });

  it('has no deadline where none is set', async () => {
    const { clock, actor } = attempt({ fetch: never });
    clock.increment(1_000_000_000);
    expect(actor.getSnapshot().matches({ working: 'fetching' })).toBe(true);
    actor.stop();
  });

  it.each([
    ['CANCEL', 'canceled'],
    ['HAND_BACK', 'handed_back'],
  ] as const)('on %s aborts what runs and reports that it was %s', async (type, kind) => {
    const { actor, ended, signals } = attempt({ fetch: never });
    actor.send({ type });
    expect(await ended()).toEqual([{ kind }]);
    expect(signals[0]?.aborted).toBe(true);
  });

  it('does not change its mind once it reports', async () => {
    let stored: () => void = () => {};
    const outcomes: Outcome[] = [];
    const { actor, ended } = attempt({
      report: (outcome) => {
        outcomes.push(outcome);
        return new Promise((resolve) => {
          stored = resolve;
        });
      },
    });
    await waitFor(actor, (snapshot) => snapshot.matches('reporting'));
    actor.send({ type: 'CANCEL' });
    stored();
    await ended();
    expect(outcomes.map(({ kind }) => kind)).toEqual(['completed']);
  });
});
