import { describe, expect, it } from 'vitest';
import { isKey } from '../../src/log/key.ts';
import {
  decodeName,
  encodeName,
  historySubject,
  parseSubject,
  queuedFilter,
  subjectOf,
} from '../../src/log/subject.ts';
import { completed, KEY, queued, started } from '../actors/events.ts';

const hostile = [
  '*',
  '>',
  'a.>',
  'a b',
  'a\r\nPUB x',
  '',
  '.',
  'a..b',
  'A',
  'a-b',
  'é',
  'a/b',
  '__proto__.>',
  'x'.repeat(65),
];

describe('subjects', () => {
  it('hold the event, the name, the key and the attempt', () => {
    expect(subjectOf('image.thumb', KEY, queued())).toBe(`task.queued.image-thumb.${KEY}.0`);
    expect(subjectOf('image.thumb', KEY, started(2))).toBe(`task.started.image-thumb.${KEY}.2`);
    expect(subjectOf('image.thumb', KEY, completed(2))).toBe(`task.done.image-thumb.${KEY}.0`);
    expect(historySubject(KEY)).toBe(`task.*.*.${KEY}.*`);
    expect(queuedFilter('hello')).toBe('task.queued.hello.*.*');
  });

  it('give back what they were made of', () => {
    expect(parseSubject(subjectOf('image.thumb', KEY, started(1)))).toEqual({
      name: 'image.thumb',
      key: KEY,
    });
    expect(decodeName(encodeName('video.thumb_2'))).toBe('video.thumb_2');
  });

  it.each(hostile)('are never made of the name %j', (name) => {
    expect(() => subjectOf(name, KEY, queued())).toThrow('not a task name');
  });

  it.each([
    ...hostile,
    KEY.toLowerCase(),
    `${KEY}0`,
    KEY.slice(1),
    KEY.replace('0', 'I'),
    `8${KEY.slice(1)}`,
  ])('are never made of the key %j', (key) => {
    expect(() => subjectOf('hello', key, queued())).toThrow('not a task key');
    expect(() => historySubject(key)).toThrow('not a task key');
    expect(isKey(key)).toBe(false);
  });

  it.each([
    'task.queued.hello',
    `job.queued.hello.${KEY}.0`,
    `task.queued.hello.${KEY}.0.x`,
    'task.queued.hello.*.0',
  ])('of another kind are not taken for ours: %s', (subject) =>
    expect(parseSubject(subject)).toBeUndefined(),
  );
});
