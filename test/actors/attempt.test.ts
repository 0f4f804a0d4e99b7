import { describe, expect, it } from 'vitest';
import { createActor, SimulatedClock, toPromise, waitFor } from 'xstate';
import { type AttemptEffects, attemptMachine } from '../../actors/attempt.ts';
import { TaskFailure } from '../../actors/failure.ts';
import { deferred } from '../../src/deferred.ts';

const never = (): Promise<never> => new Promise(() => {});

/** Runs an attempt with some of its effects replaced. */
function attempt(effects: Partial<AttemptEffects>, deadlineMs?: number) {
  const clock = new SimulatedClock();
  const actor = createActor(attemptMachine, {
    clock,
    input: {
      deadlineMs,
      effects: {
        fetch: async () => 0,
        waitForDecoder: async () => {},
        run: async () => 'result',
        store: async () => [],
        ...effects,
      },
    },
  });
  const ended = toPromise(actor);
  actor.start();
  return { actor, clock, ended };
}

describe('an attempt', () => {
  it('fetches, waits for a decoder, runs and stores, and gives what the task made', async () => {
    const done: string[] = [];
    const { ended } = attempt({
      fetch: async () => done.push('fetch'),
      waitForDecoder: async () => void done.push('wait'),
      run: async () => {
        done.push('run');
        return 'Hello';
      },
      store: async () => {
        done.push('store');
        return [];
      },
    });
    expect(await ended).toEqual({ kind: 'completed', result: 'Hello', outputs: [] });
    expect(done).toEqual(['fetch', 'wait', 'run', 'store']);
  });

  it.each(['fetch', 'waitForDecoder', 'run', 'store'] as const)(
    'ends with the failure of %s as it was thrown',
    async (phase) => {
      const failure = new TaskFailure("File 'http://x/' answered 404");
      const outcome = await attempt({
        [phase]: async () => {
          throw failure;
        },
      }).ended;
      expect(outcome).toEqual({ kind: 'failure', failure });
    },
  );

  it('ends with a surprise as a passing failure that tells no internals', async () => {
    const cause = new TypeError('secret internals');
    const outcome = await attempt({
      run: async () => {
        throw cause;
      },
    }).ended;
    expect(outcome).toMatchObject({
      kind: 'failure',
      failure: { passing: true, message: 'the task failed unexpectedly', cause },
    });
  });

  it('is cut off at its deadline', async () => {
    const { actor, clock, ended } = attempt({ fetch: never }, 60_000);
    clock.increment(59_999);
    expect(actor.getSnapshot().status).toBe('active');
    clock.increment(1);
    expect(await ended).toMatchObject({
      kind: 'failure',
      failure: { passing: true, message: 'the task took longer than 60 s' },
    });
  });

  it('does not count the time that it waits for a decoder', async () => {
    const decoder = deferred<void>();
    const { actor, clock, ended } = attempt(
      { fetch: async () => 20_000, waitForDecoder: () => decoder.promise, run: never },
      60_000,
    );
    await waitFor(actor, (snapshot) => snapshot.matches({ working: 'waitingForDecoder' }));
    clock.increment(1_000_000_000);
    decoder.resolve();
    await waitFor(actor, (snapshot) => snapshot.matches({ working: 'making' }));
    clock.increment(39_999);
    expect(actor.getSnapshot().matches({ working: 'making' })).toBe(true);
    clock.increment(1);
    expect(await ended).toMatchObject({ failure: { message: 'the task took longer than 60 s' } });
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
  ] as const)('on %s was %s, whatever runs', async (type, kind) => {
    const { actor, ended } = attempt({ fetch: never });
    actor.send({ type });
    expect(await ended).toEqual({ kind });
  });

  it('comes to nothing when it is stopped', async () => {
    const { actor, ended } = attempt({ fetch: never });
    actor.stop();
    expect(await ended).toBeUndefined();
  });
});
