import { describe, expect, it } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import { workerMachine } from '../../actors/worker.ts';

function worker(graceMs = 5_000) {
  const calls: string[] = [];
  const clock = new SimulatedClock();
  const note = (name: string) => () => void calls.push(name);
  const machine = workerMachine.provide({
    actions: {
      take: note('take'),
      stopTaking: note('stopTaking'),
      handBack: note('handBack'),
      stop: note('stop'),
    },
  });
  const actor = createActor(machine, { input: { graceMs }, clock }).start();
  return { actor, calls, clock };
}

describe('a worker', () => {
  it('takes tasks once it is ready, and not before', () => {
    const { actor, calls } = worker();
    expect(calls).toEqual([]);
    actor.send({ type: 'READY' });
    expect(calls).toEqual(['take']);
  });

  it('is not stopped by having nothing to do', () => {
    const { actor } = worker();
    actor.send({ type: 'READY' });
    actor.send({ type: 'IDLE' });
    expect(actor.getSnapshot().value).toBe('taking');
  });

  it('drains: takes no more, and stops when the last attempt has ended', () => {
    const { actor, calls } = worker();
    actor.send({ type: 'READY' });
    actor.send({ type: 'DRAIN' });
    actor.send({ type: 'IDLE' });
    expect(calls).toEqual(['take', 'stopTaking', 'stop']);
  });

  it('hands back what has not ended within the grace time, once, and stops after that', () => {
    const { actor, calls, clock } = worker(5_000);
    actor.send({ type: 'READY' });
    actor.send({ type: 'DRAIN' });
    clock.increment(4_999);
    expect(calls).toEqual(['take', 'stopTaking']);
    clock.increment(1);
    actor.send({ type: 'DRAIN' });
    actor.send({ type: 'IDLE' });
    expect(calls).toEqual(['take', 'stopTaking', 'handBack', 'stop']);
  });

  it('stops at once when it is told to before it was ready', () => {
    const { actor, calls } = worker();
    actor.send({ type: 'DRAIN' });
    expect(calls).toEqual(['stop']);
  });
});
