import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent, hashOf } from '../../src/log/envelope.ts';
import { contentTypeOf, FORMATS } from '../../src/tasks/image/limits.ts';
import { completed, KEY, progress, queued, started, stored, storing } from '../actors/events.ts';

const subject = `task.queued.hello.${KEY}.0`;
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/** An event that tells of an output of this type. */
const storingAs = (content_type: string) => ({
  ...storing(1, []),
  outputs: [{ ...stored('output', 1), content_type }],
});

describe('a stored event', () => {
  it('comes back as it was written, with its place', () => {
    const { id, bytes } = encodeEvent(queued());
    expect(decodeEvent(subject, bytes, 7)).toEqual({
      seq: 7,
      key: KEY,
      version: 2,
      name: 'hello',
      id,
      prev: undefined,
      bytes,
      event: queued(),
    });
  });

  it('names the event before it by the hash that a reader finds', () => {
    const first = decodeEvent(subject, encodeEvent(queued()).bytes, 7);
    const { bytes } = encodeEvent(started(1), hashOf(first.bytes));
    const stored = decodeEvent(`task.started.hello.${KEY}.1`, bytes, 8);
    const prev = createHash('sha256').update(first.bytes).digest('hex');
    expect(stored).toMatchObject({ prev, event: started(1) });
    expect(stored.event).not.toHaveProperty('prev');
  });

  it('of version 1 is read as it is, and names none', () => {
    const data = bytes({ v: 1, id: 'x', ...started(1) });
    expect(decodeEvent(`task.started.hello.${KEY}.1`, data, 8)).toMatchObject({
      prev: undefined,
      event: started(1),
    });
  });

  it('of the next version is read as far as it fits, so that a service can be upgraded while it runs', () => {
    const next = { v: 3, id: 'x', mood: 'good', ...queued() };
    expect(decodeEvent(subject, bytes(next), 1).event).toMatchObject(queued());
    expect(() => decodeEvent(subject, bytes({ ...next, account: 7 }), 9)).toThrow(
      "event 9 at 'task.queued.hello.01M84ZP4NZT60472F4WFEKWFZX.0' does not fit version 3",
    );
  });

  it('says which version of the schema it has', () => {
    expect(JSON.parse(encodeEvent(queued()).bytes.toString())).toMatchObject({
      v: 2,
      type: 'queued',
      account: 'acme',
    });
  });

  it('keeps text of any script', () => {
    const event = completed(1, 'Hello 雨 🎈 "\\');
    expect(decodeEvent(subject, encodeEvent(event).bytes, 1).event).toEqual(event);
  });

  it.each([...FORMATS.map(contentTypeOf), 'application/vnd.a-b+json', 'application/octet-stream'])(
    'may tell of an output that is %s',
    (type) => {
      const { event } = decodeEvent(subject, bytes({ v: 2, id: 'x', ...storingAs(type) }), 1);
      expect(event).toMatchObject({ outputs: [{ content_type: type }] });
    },
  );

  it.each([
    ['is not JSON', '{"v":1', 'event 9 is not JSON'],
    ['is not an object', '5', 'event 9 has version undefined'],
    [
      'is of a version from the future',
      { ...JSON.parse(encodeEvent(queued()).bytes.toString()), v: 4 },
      'event 9 has version 4, this program reads up to 3',
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
    ['has no version', { id: 'x', ...queued() }, 'event 9 has version undefined'],
    ['names no hash', { v: 2, id: 'x', prev: 'abc', ...started(1) }, 'does not fit version 2'],
    [
      'would put a line into a header',
      { v: 2, id: 'x', ...storingAs('image/png\r\nSet-Cookie: a=b') },
      'does not fit version 2',
    ],
    ['has a type of media that is none', { v: 2, id: 'x', ...storingAs('png') }, 'does not fit version 2'],
    ['lacks its attempt', { v: 1, id: 'x', ...progress(1, 5), attempt: undefined }, 'does not fit version 1'],
  ])('that %s is refused with its sequence', (_, value, message) => {
    expect(() => decodeEvent(subject, bytes(value), 9)).toThrow(message);
  });

  it('at a subject of somebody else is refused', () => {
    expect(() => decodeEvent('task.queued.hello', encodeEvent(queued()).bytes, 3)).toThrow(
      "event 3 is at the subject 'task.queued.hello'",
    );
  });
});
