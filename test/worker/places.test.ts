import { describe, expect, it } from 'vitest';
import { Places } from '../../src/worker/places.ts';

const places = (CONCURRENCY: number, MEDIA_CONCURRENCY: number): Places =>
  new Places({ CONCURRENCY, MEDIA_CONCURRENCY });
const times = (count: number, act: () => void): void => {
  for (let time = 0; time < count; time += 1) act();
};

describe('the places of a worker', () => {
  it('are few for tasks with pixels, and leave the others free', () => {
    const worker = places(10, 3);
    expect([worker.free('image.thumb'), worker.free('hello')]).toEqual([3, 10]);
    times(3, () => worker.take('image.info'));
    expect([worker.free('image.thumb'), worker.free('hello')]).toEqual([0, 7]);
  });

  it('are the same for all: what other tasks have taken is not free for pixels', () => {
    const worker = places(10, 3);
    times(8, () => worker.take('sleep'));
    expect([worker.free('image.thumb'), worker.free('hello')]).toEqual([2, 2]);
  });

  it('are free again when they are given back', () => {
    const worker = places(10, 3);
    for (const name of ['image.thumb', 'hello']) worker.take(name);
    for (const name of ['image.thumb', 'hello']) worker.giveBack(name);
    expect([worker.free('image.thumb'), worker.free('hello')]).toEqual([3, 10]);
  });

  it('may have been promised to more than there are', () => {
    const worker = places(1, 1);
    times(2, () => worker.take('hello'));
    expect(worker.free('hello')).toBe(-1);
  });

  it('are at most so many of one name, and those for pixels no more than all', () => {
    expect([places(10, 3).limit('image.thumb'), places(10, 3).limit('hello')]).toEqual([3, 10]);
    expect(places(2, 3).limit('image.thumb')).toBe(2);
    expect(places(10, 3).limit('unknown')).toBe(10);
  });
});
