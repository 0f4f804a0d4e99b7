import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TaskFailure } from '../../actors/failure.ts';
import { deferred } from '../../src/deferred.ts';
import { SharedWork } from '../../src/worker/shared-work.ts';
import { member, output, settled, type TestWork, work } from './shared-work-support.ts';

/** The last sequence of the log when the work ends. */
const END = 10;
const QUEUED_BEFORE = { seq: END };
const QUEUED_AFTER = { seq: END + 1 };

const sharedWork = (lastSeq = async () => END) => new SharedWork<string>(60_000, lastSeq);

/** Work that so many have shared and that has made outputs, to the end. */
async function ended(
  shared: SharedWork<string>,
  { members = 2, outputs = [output('thumb')], id = 'it' } = {},
) {
  const once = work();
  const joined = Array.from({ length: members }, () => member(shared, once, { id }));
  await once.end('fetch', 'wait');
  for (const each of outputs) await once.tell().onOutput(each);
  await once.end('run');
  for (const { share } of joined) await share.leave();
  return { once, joined };
}

const join = (shared: SharedWork<string>, { seq }: { seq: number }, id = 'it') => {
  const anew = work();
  return { ...member(shared, anew, { id, seq }), anew };
};
const isDoneAnew = ({ anew }: { anew: TestWork }): boolean => anew.done.length > 0;

describe('work that several have shared', () => {
  it('is had after its end by those that were queued before', async () => {
    const shared = sharedWork();
    const { once } = await ended(shared, { outputs: [output('small'), output('large')] });
    for (const late of [join(shared, QUEUED_BEFORE), join(shared, QUEUED_BEFORE)]) {
      expect(await late.share.fetched).toEqual([{ url: 'http://example.com/x.jpg', bytes: 7 }]);
      await late.share.gotDecoder;
      expect(await late.ran).toBe('run');
      expect(late.outputs).toEqual(['small', 'large']);
      expect(isDoneAnew(late)).toBe(false);
    }
    expect(once.done).toEqual(['fetch', 'wait', 'run', 'clean up']);
  });

  it('is done anew for who was queued after its end', async () => {
    const shared = sharedWork();
    await ended(shared);
    expect(isDoneAnew(join(shared, QUEUED_AFTER))).toBe(true);
  });

  it.each([
    ['result', 'run', (once: TestWork) => once.end('fetch', 'wait', 'run')],
    [
      'failure',
      'no such file',
      async (once: TestWork) => once.ends.fetch?.reject(new TaskFailure('no such file')),
    ],
  ])('tells its %s once the log has said what was queued by then', async (_what, told, happen) => {
    const lastSeq = deferred<number>();
    const shared = sharedWork(() => lastSeq.promise);
    const once = work();
    const heard: unknown[] = [];
    for (const { ran } of [member(shared, once), member(shared, once)])
      void ran.then((how) => heard.push(how));
    await happen(once);
    await settled();
    expect(heard).toEqual([]);
    lastSeq.resolve(END);
    await settled();
    expect(heard).toEqual([told, told]);
  });

  it('is given to its own and to nobody else when the log does not answer', async () => {
    const shared = sharedWork(() => Promise.reject(new Error('the log is away')));
    const { joined } = await ended(shared);
    expect(await Promise.all(joined.map(({ ran }) => ran))).toEqual(['run', 'run']);
    expect(isDoneAnew(join(shared, QUEUED_BEFORE))).toBe(true);
  });

  it.each([
    ['lasts is the failure of those that were queued before', false, false],
    ['may pass is tried again by whoever comes next', true, true],
  ])('and whose failure %s', async (_what, passing, isTriedAgain) => {
    const shared = sharedWork();
    const once = work();
    for (const _ of [1, 2]) member(shared, once, { id: 'it' });
    once.ends.fetch?.reject(new TaskFailure('no such luck', { passing }));
    await settled();
    const late = join(shared, QUEUED_BEFORE);
    expect(isDoneAnew(late)).toBe(isTriedAgain);
    if (!isTriedAgain) expect(await late.ran).toBe('no such luck');
  });

  it('but that all have left before its end is done anew', async () => {
    const shared = sharedWork();
    const once = work();
    for (const { share } of [member(shared, once), member(shared, once)]) await share.leave();
    expect(isDoneAnew(join(shared, QUEUED_BEFORE))).toBe(true);
  });
});

describe('who comes after the end', () => {
  it('and leaves hears no more', async () => {
    const shared = sharedWork();
    await ended(shared, { outputs: [output('small'), output('large')] });
    const late = join(shared, QUEUED_BEFORE);
    await late.share.leave();
    await late.ran;
    expect(late.outputs).toEqual(['small']);
  });

  it('and cannot store its copy fails alone', async () => {
    const shared = sharedWork();
    await ended(shared);
    const full = { onProgress: () => {}, onOutput: () => Promise.reject(new Error('the disk is full')) };
    const unlucky = shared.join({ id: 'it', ...QUEUED_BEFORE }, full, () => work().steps);
    await expect(unlucky.ran).rejects.toThrow('the disk is full');
    expect(await join(shared, QUEUED_BEFORE).ran).toBe('run');
  });
});

describe('nothing is kept', () => {
  const large = (name: string) => output(name, new Uint8Array(9_000_000));

  it('of work that nobody shared, nor is the log asked for it', async () => {
    const lastSeq = vi.fn(async () => END);
    const shared = sharedWork(lastSeq);
    await ended(shared, { members: 1 });
    expect(lastSeq).not.toHaveBeenCalled();
    expect(isDoneAnew(join(shared, QUEUED_BEFORE))).toBe(true);
  });

  it('of work whose outputs are too large', async () => {
    const shared = sharedWork();
    await ended(shared, { outputs: [large('one'), large('two'), output('three')] });
    expect(isDoneAnew(join(shared, QUEUED_BEFORE))).toBe(true);
  });

  it('of what came first, when it is too much together', async () => {
    const shared = sharedWork();
    await ended(shared, { outputs: [large('one')], id: 'first' });
    await ended(shared, { outputs: [large('two')], id: 'second' });
    expect(isDoneAnew(join(shared, QUEUED_BEFORE, 'second'))).toBe(false);
    expect(isDoneAnew(join(shared, QUEUED_BEFORE, 'first'))).toBe(true);
  });

  describe('when nobody has come for it', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
    afterEach(() => void vi.useRealTimers());

    it('for ten seconds', async () => {
      const shared = sharedWork();
      await ended(shared);
      for (const _ of [1, 2, 3]) {
        vi.advanceTimersByTime(9_999);
        expect(isDoneAnew(join(shared, QUEUED_BEFORE))).toBe(false);
      }
      vi.advanceTimersByTime(10_000);
      expect(isDoneAnew(join(shared, QUEUED_BEFORE))).toBe(true);
    });
  });
});
