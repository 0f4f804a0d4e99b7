import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent } from '../../src/log/envelope.ts';
import { formatDate, nowMicros } from '../../src/log/event-date.ts';
import { completed, KEY, progress, queued } from '../actors/events.ts';

const subject = `task.queued.hello.${KEY}.0`;
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('a stored event', () => {
  it('comes back as it was written, with its place', () => {
    const { id, data } = encodeEvent(queued());
    expect(decodeEvent(subject, data, 7)).toEqual({
      seq: 7,
      key: KEY,
      name: 'hello',
      id,
      bytes: data.length,
      event: queued(),
    });
  });

  it('says which version of the schema it has', () => {
    expect(JSON.parse(encodeEvent(queued()).data.toString())).toMatchObject({
      v: 1,
      type: 'queued',
      account: 'acme',
    });
  });

  it('keeps text of any script', () => {
    const event = completed(1, 'Hello 雨 🎈 "\\');
    expect(decodeEvent(subject, encodeEvent(event).data, 1).event).toEqual(event);
  });

  it.each([
    ['is not JSON', '{"v":1', 'event 9 is not JSON'],
    ['is not an object', '5', 'event 9 has version undefined'],
    [
      'is of a version from the future',
      { ...JSON.parse(encodeEvent(queued()).data.toString()), v: 2 },
      'event 9 has version 2, this program reads up to 1',
    ],
    [
      'has a type that nobody knows',
      { v: 1, id: 'x', type: 'exploded', at: 'now', account: 'a' },
      'does not fit version 1',
    ],
    [
      'has a date in another form',
      { v: 1, id: 'x', ...queued(), at: '2026-01-01' },
      'does not fit version 1',
    ],
    ['lacks its attempt', { v: 1, id: 'x', ...progress(1, 5), attempt: undefined }, 'does not fit version 1'],
  ])('that %s is refused with its sequence', (_, value, message) => {
    expect(() => decodeEvent(subject, bytes(value), 9)).toThrow(message);
  });

  it('at a subject of somebody else is refused', () => {
    expect(() => decodeEvent('task.queued.hello', encodeEvent(queued()).data, 3)).toThrow(
      "event 3 is at the subject 'task.queued.hello'",
    );
  });
});

describe('event dates', () => {
  it('are ISO 8601 in UTC with microseconds', () => {
    expect(formatDate(1_364_996_847_707_526)).toBe('2013-04-03T13:47:27.707526+00:00');
    expect(formatDate(1_364_996_847_000_001)).toBe('2013-04-03T13:47:27.000001+00:00');
  });

  it('follow the wall clock', () => {
    expect(Math.abs(nowMicros() / 1_000 - Date.now())).toBeLessThan(50);
  });
});
