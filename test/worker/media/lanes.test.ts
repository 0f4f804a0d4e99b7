import { describe, expect, it } from 'vitest';
import { type Lane, Lanes } from '../../../src/worker/media/lanes.ts';
import { startPool } from './pooling.ts';

const forEver = (): AbortSignal => new AbortController().signal;
const settled = () => new Promise(setImmediate);

/** Who was let in, in order. */
function enterAll(lanes: Lanes, wanted: readonly [name: string, lane: Lane][]): string[] {
  const entered: string[] = [];
  for (const [name, lane] of wanted) lanes.enter(lane, forEver()).then(() => entered.push(name));
  return entered;
}
const many = (lane: Lane, count: number): [string, Lane][] =>
  Array.from({ length: count }, (_, index) => [`${lane} ${index + 1}`, lane]);

describe('two lanes', () => {
  it.each([
    ['quick', 'slow'],
    ['slow', 'quick'],
  ] as const)('leave room for one to the other, however many are %s', async (first, other) => {
    const lanes = new Lanes(2);
    const entered = enterAll(lanes, [...many(first, 10), ...many(other, 3)]);
    await settled();
    expect(entered).toEqual([`${first} 1`, `${first} 2`, `${other} 1`]);
  });

  it('let one in for each that leaves, in their order, the quick ones first', async () => {
    const lanes = new Lanes(2);
    const entered = enterAll(lanes, [...many('slow', 4), ...many('quick', 3)]);
    await settled();
    expect(entered.splice(0)).toEqual(['slow 1', 'slow 2', 'quick 1']);
    lanes.leave('slow');
    await settled();
    expect(entered.splice(0)).toEqual(['quick 2']);
    lanes.leave('quick');
    await settled();
    expect(entered.splice(0)).toEqual(['quick 3']);
    lanes.leave('quick');
    await settled();
    expect(entered.splice(0)).toEqual(['slow 3']);
  });

  it('keep a slow one going while quick ones come without end', async () => {
    const lanes = new Lanes(2);
    const entered = enterAll(lanes, [...many('quick', 50), ...many('slow', 2)]);
    await settled();
    expect(entered.splice(0)).toEqual(['quick 1', 'quick 2', 'slow 1']);
    lanes.leave('slow');
    await settled();
    expect(entered).toEqual(['slow 2']);
  });

  it('work with room for one each', async () => {
    const lanes = new Lanes(1);
    const entered = enterAll(lanes, [...many('slow', 2), ...many('quick', 2)]);
    await settled();
    expect(entered).toEqual(['slow 1', 'quick 1']);
  });

  it('forget who gives up waiting', async () => {
    const lanes = new Lanes(1);
    const leaver = new AbortController();
    await lanes.enter('slow', forEver());
    const leaving = lanes.enter('slow', leaver.signal);
    const entered = enterAll(lanes, [['next', 'slow']]);
    leaver.abort('enough');
    await expect(leaving).rejects.toBe('enough');
    lanes.leave('slow');
    await settled();
    expect(entered).toEqual(['next']);
    await expect(lanes.enter('quick', leaver.signal)).rejects.toBe('enough');
  });

  it('can be closed to all who wait', async () => {
    const lanes = new Lanes(1);
    await lanes.enter('quick', forEver());
    await lanes.enter('slow', forEver());
    const waiting = [lanes.enter('quick', forEver()), lanes.enter('slow', forEver())];
    lanes.refuse('closed');
    for (const each of waiting) await expect(each).rejects.toBe('closed');
  });
});

it('A pool whose slow tasks do not end goes on with the quick ones', async () => {
  await using pooling = await startPool({ size: 2 });
  const slow = ['a', 'b', 'c'].map((gate) => pooling.giveGated(gate, 'slow'));
  await Promise.all([slow[0]?.running(), slow[1]?.running()]);
  const quick = Array.from({ length: 20 }, () => pooling.give('echo'));
  await Promise.all(quick.map(({ result }) => result));
  expect(slow[2]?.progress).toEqual([]);
  for (const gate of ['a', 'b', 'c']) await pooling.open(gate);
  await Promise.all(slow.map(({ result }) => result));
});
