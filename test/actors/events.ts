import fc from 'fast-check';
import type { Queued, StoredOutput, TaskEvent } from '../../actors/event.ts';

export const KEY = '01M84ZP4NZT60472F4WFEKWFZX';

/** An event date, `seconds` after an arbitrary beginning. */
export const date = (seconds: number): string =>
  `${new Date(1_800_000_000_000 + Math.round(seconds * 1_000)).toISOString().slice(0, 23)}000+00:00`;

export const queued = (at = 0): Queued => ({
  type: 'queued',
  at: date(at),
  account: 'acme',
  task: { task_name: 'hello', name: 'John' },
});

const stamp = (at: number) => ({ at: date(at), account: 'acme' });
const spent = { fetching: 1, running: 2, storing: 3 };

export const started = (attempt: number, at = attempt): TaskEvent => ({
  type: 'started',
  attempt,
  worker: 'w1',
  ...stamp(at),
});
export const stored = (name: string, attempt: number): StoredOutput => ({
  name,
  attempt,
  file: `${name}.jpg`,
  content_type: 'image/jpeg',
  bytes: 7,
  sha256: 'a'.repeat(64),
});
/** An attempt tells which outputs it has stored so far. */
export const storing = (attempt: number, names: readonly string[], at = attempt): TaskEvent => ({
  type: 'progress',
  attempt,
  outputs: names.map((name) => stored(name, attempt)),
  ...stamp(at),
});
export const progress = (attempt: number, value: unknown, at = attempt): TaskEvent => ({
  type: 'progress',
  attempt,
  progress: value,
  ...stamp(at),
});
export const retried = (attempt: number, at = attempt): TaskEvent => ({
  type: 'retried',
  attempt,
  reason: 'origin answered 503',
  next: date(at + 1),
  ...stamp(at),
});
export const completed = (attempt: number, result: unknown = 'Hello John', at = attempt): TaskEvent => ({
  type: 'completed',
  attempt,
  result,
  outputs: [],
  spent,
  ...stamp(at),
});
export const failed = (attempt: number, error = 'no', at = attempt): TaskEvent => ({
  type: 'failed',
  attempt,
  error,
  ...stamp(at),
});
export const canceled = (attempt: number, at = attempt): TaskEvent => ({
  type: 'canceled',
  attempt,
  ...stamp(at),
});

const attempt = fc.integer({ min: 0, max: 4 });
const at = fc.integer({ min: 0, max: 20 });

/** Any event after `queued`, legal or not where it will stand, from clocks that disagree. */
export const anyEvent: fc.Arbitrary<TaskEvent> = fc.oneof(
  fc.tuple(attempt, at).map(([a, t]) => started(a, t)),
  fc.tuple(attempt, fc.integer({ min: 0, max: 100 }), at).map(([a, p, t]) => progress(a, p, t)),
  fc.tuple(attempt, fc.subarray(['small', 'large']), at).map(([a, names, t]) => storing(a, names, t)),
  fc.tuple(attempt, at).map(([a, t]) => retried(a, t)),
  fc.tuple(attempt, fc.string(), at).map(([a, r, t]) => completed(a, r, t)),
  fc.tuple(attempt, fc.string(), at).map(([a, e, t]) => failed(a, e, t)),
  fc.tuple(attempt, at).map(([a, t]) => canceled(a, t)),
);

/** A history that begins with `queued` and goes on as it likes; ends are rarer than in `anyEvent` alone. */
export const anyHistory: fc.Arbitrary<[Queued, ...TaskEvent[]]> = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.tuple(attempt, at).map(([a, t]) => started(a, t)) },
        { weight: 3, arbitrary: fc.tuple(attempt, at).map(([a, t]) => retried(a, t)) },
        { weight: 3, arbitrary: fc.tuple(attempt, at).map(([a, t]) => progress(a, t, t)) },
        { weight: 3, arbitrary: fc.tuple(attempt, at).map(([a, t]) => storing(a, ['small'], t)) },
      ),
    ),
    fc.array(anyEvent, { maxLength: 12 }),
  )
  .map(([first, rest]) => [queued(), ...first, ...rest]);
