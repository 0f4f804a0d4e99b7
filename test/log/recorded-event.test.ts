import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeEvent } from '../../src/log/envelope.ts';
import { readOrExplain, readRecord } from '../../src/log/recorded-event.ts';
import { anyEvent, canceled, completed, KEY, queued, started } from '../actors/events.ts';

const subject = `task.queued.image-thumb.${KEY}.0`;
const record = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
/** A record that begins as one of the current version does. */
const broken = (rest: string) =>
  record(`{"v":2,"id":"x","type":"started","at":"${queued().at}","account":"acme"${rest}`);
const whole = ({ type, at, account, rest }: ReturnType<typeof readRecord>) => ({
  type,
  at,
  account,
  ...JSON.parse(rest),
});

describe('a record that is read for showing', () => {
  it('has its place, and the rest of the event as it was written', () => {
    expect(readRecord(subject, encodeEvent(started(2)).bytes, 7)).toEqual({
      seq: 7,
      key: KEY,
      name: 'image.thumb',
      type: 'started',
      at: started(2).at,
      account: 'acme',
      rest: '{"attempt":2,"worker":"w1"}',
    });
  });

  it('is the same event as when it is parsed and checked', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        for (const prev of [undefined, 'a'.repeat(64)])
          expect(whole(readRecord(subject, encodeEvent(event, prev).bytes, 1))).toEqual(event);
      }),
    );
  });

  it.each([
    [
      'its members in another order',
      { v: 1, id: 'x', account: 'acme', attempt: 1, type: 'canceled', at: queued().at },
    ],
    ['a member that is not in the schema', { v: 1, id: 'x', ...canceled(1), more: 1 }],
    ['an account that has to be escaped', { v: 1, id: 'x', ...canceled(1), account: 'a"b\\c' }],
  ])('may have %s', (_, value) => {
    const { v: _v, id: _id, ...event } = value;
    expect(whole(readRecord(subject, record(value), 1))).toEqual(event);
  });

  it('is one line, however it was written', () => {
    const lines = JSON.stringify({ v: 1, id: 'x', ...completed(1, 'a\nb') }, null, 2);
    const { rest } = readRecord(subject, record(lines), 1);
    expect(rest).not.toMatch(/[\r\n]/);
    expect(JSON.parse(rest).result).toBe('a\nb');
  });

  it.each([
    ['is cut short', encodeEvent(queued()).bytes.subarray(0, -3)],
    ['is not UTF-8', Buffer.from([...encodeEvent(queued()).bytes.subarray(0, -2), 0xff, 0x22, 0x7d])],
    ['is broken behind its beginning', broken(',"attempt":1 "worker":"w1"}')],
    ['would put members of its own into the line', broken(',"x":1},"seq":59,"q":{}}')],
    ['is of a type that nobody knows', record({ v: 1, id: 'x', ...queued(), type: 'exploded' })],
    [
      'is of a version from the future',
      record({ ...JSON.parse(encodeEvent(queued()).bytes.toString()), v: 99 }),
    ],
  ])('that %s is explained', (_, data) => {
    expect(readOrExplain(subject, data, 9)).toEqual({
      unreadable: { seq: 9, reason: expect.stringContaining('event 9') },
    });
  });
});
