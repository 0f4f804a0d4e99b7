import { describe, expect, it, vi } from 'vitest';
import type { Share } from '../../src/worker/share.ts';
import { SharedWork } from '../../src/worker/shared-work.ts';
import { member, output, settled, type TestWork, work } from './shared-work-support.ts';

/** Nothing of it is kept when it has ended: by this log, nothing had been queued until then. */
const sharedWork = (joinableMs = 60_000) => new SharedWork<string>(joinableMs, async () => 0);

describe('work that several attempts want', () => {
  it('is done once, and its result is for all', async () => {
    const shared = sharedWork();
    const once = work();
    const members = [1, 2, 3].map(() => member(shared, once));
    await once.end('fetch', 'wait');
    once.tell().onProgress(50);
    await once.tell().onOutput(output('thumb'));
    await once.end('run');
    expect(await Promise.all(members.map(({ ran }) => ran))).toEqual(['run', 'run', 'run']);
    expect(once.done).toEqual(['fetch', 'wait', 'run', 'clean up']);
    for (const { progress, outputs } of members) expect([progress, outputs]).toEqual([[50], ['thumb']]);
  });

  it('is done for each that wants something else', async () => {
    const shared = sharedWork();
    const [one, other] = [work(), work()];
    member(shared, one, { id: 'one' });
    member(shared, other, { id: 'other' });
    await Promise.all([one.end('fetch'), other.end('fetch')]);
    expect([one.done, other.done]).toEqual([
      ['fetch', 'wait'],
      ['fetch', 'wait'],
    ]);
  });

  it('may be joined late: the steps that are over are over, and the last progress is told again', async () => {
    const shared = sharedWork();
    const once = work();
    member(shared, once);
    await once.end('fetch', 'wait');
    for (const value of [10, 20]) once.tell().onProgress(value);
    const late = member(shared, once);
    await late.share.fetched;
    await late.share.gotDecoder;
    expect(late.progress).toEqual([20]);
    once.tell().onProgress(30);
    expect(late.progress).toEqual([20, 30]);
  });

  it.each([
    ['once it has made an output', async (once: TestWork) => once.tell().onOutput(output('a'))],
    ['once it is over', async (once: TestWork) => once.end('run')],
    ['once it has failed', async (once: TestWork) => once.ends.run?.reject(new Error('no'))],
  ])('is not joined any more %s', async (_when, happen) => {
    const shared = sharedWork();
    const [first, second] = [work(), work()];
    member(shared, first);
    await first.end('fetch', 'wait');
    await happen(first);
    await settled();
    member(shared, second);
    expect(second.done).toEqual(['fetch']);
    // Nor does the end of the first take the second away from who comes then.
    await first.end('run');
    member(shared, work());
    expect(second.done).toEqual(['fetch']);
  });

  it('is not joined any more when it has been going on for too long', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    const shared = sharedWork(5);
    const [first, second, third] = [work(), work(), work()];
    member(shared, first);
    now.mockReturnValue(4);
    member(shared, second);
    now.mockReturnValue(5);
    member(shared, third);
    now.mockRestore();
    expect([first.done, second.done, third.done]).toEqual([['fetch'], [], ['fetch']]);
  });
});

describe('an attempt that leaves', () => {
  const steps = ['fetch', 'wait', 'run'];

  it.each(steps)('disturbs none of the others, and hears no more: in step %s', async (during) => {
    const shared = sharedWork();
    const once = work();
    const [leaver, other] = [member(shared, once), member(shared, once)];
    const at = steps.indexOf(during);
    await once.end(...steps.slice(0, at));
    await leaver.share.leave();
    await once.end(...steps.slice(at, 2));
    once.tell().onProgress(1);
    await once.tell().onOutput(output('thumb'));
    await once.end('run');
    expect(await other.ran).toBe('run');
    expect([leaver.outputs, other.outputs]).toEqual([[], ['thumb']]);
    expect(once.done).toEqual(['fetch', 'wait', 'run', 'clean up']);
  });

  it.each(steps)(
    'ends the work if it is the last, in step %s, and waits until it is cleaned up',
    async (during) => {
      const shared = sharedWork();
      const once = work();
      const members = [member(shared, once), member(shared, once)];
      await once.end(...steps.slice(0, steps.indexOf(during)));
      for (const { share } of members) await share.leave();
      expect(once.done.at(-1)).toBe('clean up');
      expect(await members[0]?.ran).toBe(`${during} was given up`);
      await members[0]?.share.leave();
      expect(once.done.filter((step) => step === 'clean up')).toHaveLength(1);
    },
  );

  it('leaves nothing for the next to join', async () => {
    const shared = sharedWork();
    const [first, second] = [work(), work()];
    const leaving: Share['leave'] = member(shared, first).share.leave;
    void leaving();
    member(shared, second);
    expect(second.done).toEqual(['fetch']);
  });
});

describe('a failure', () => {
  it.each(['fetch', 'wait', 'run'])('of step %s is that of all', async (failing) => {
    const shared = sharedWork();
    const once = work();
    const members = [member(shared, once), member(shared, once)];
    const steps = ['fetch', 'wait', 'run'];
    await once.end(...steps.slice(0, steps.indexOf(failing)));
    once.ends[failing]?.reject(new Error('no such luck'));
    expect(await Promise.all(members.map(({ ran }) => ran))).toEqual(['no such luck', 'no such luck']);
    await settled();
    expect(once.done.at(-1)).toBe('clean up');
  });

  it('to store one copy of an output stops nobody else', async () => {
    const shared = sharedWork();
    const once = work();
    const [unlucky, other] = [member(shared, once), member(shared, once)];
    unlucky.listener.onOutput = () => Promise.reject(new Error('the disk is full'));
    await once.end('fetch', 'wait');
    await once.tell().onOutput(output('thumb'));
    await unlucky.share.leave();
    await once.end('run');
    expect(await other.ran).toBe('run');
    expect(other.outputs).toEqual(['thumb']);
  });

  it('to store every copy ends the work', async () => {
    const shared = sharedWork();
    const once = work();
    for (const { listener } of [member(shared, once), member(shared, once)])
      listener.onOutput = () => Promise.reject(new Error('the disk is full'));
    await once.end('fetch', 'wait');
    await expect(once.tell().onOutput(output('thumb'))).rejects.toThrow('the disk is full');
  });
});
