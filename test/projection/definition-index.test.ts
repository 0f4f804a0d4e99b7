import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import type { StoredEvent } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import { DefinitionIndex, type DefinitionIndexOptions } from '../../src/projection/definition-index.ts';
import { fold, type TaskState } from '../../src/projection/state.ts';
import { definitionId } from '../../src/tasks/canonical.ts';
import { canceled, completed, date, failed, queued, retried, started, stored } from '../actors/events.ts';

const URL = 'http://example.com/x.jpg';
const FILLED = { url: URL, crop: false, rotation: 0, poster: false, format: 'jpeg', quality: 80 };
const ID = definitionId('acme', 'image.thumb', FILLED);
/** Time in events is counted in seconds from a beginning of their own. */
const ms = (seconds: number): number => Date.parse(date(seconds));

const asked = (parameters: object = { url: URL }, overrides: object = {}): TaskEvent =>
  ({
    ...queued(),
    task: { task_name: 'image.thumb', ...parameters },
    ...overrides,
  }) as TaskEvent;
const made = (attempt = 1, at = 10): TaskEvent =>
  ({ ...completed(attempt, {}, at), outputs: [stored('output', attempt)] }) as TaskEvent;

/** An index that follows a log, at the time of each event. */
function follow(options: Partial<DefinitionIndexOptions> = {}) {
  const index = new DefinitionIndex({ maxAgeMs: 3_600_000, ...options });
  const states = new Map<string, TaskState>();
  let seq = 0;
  const tell = (key: string, event: TaskEvent, name = 'image.thumb'): string => {
    seq += 1;
    const state = fold(states.get(key), { seq, key, name, event } as StoredEvent);
    if (state && state !== states.get(key)) index.apply(state, event, Date.parse(event.at));
    if (state) states.set(key, state);
    return key;
  };
  const task = (...events: readonly TaskEvent[]): string => {
    const key = newKey();
    for (const event of events) tell(key, event);
    return key;
  };
  return { index, tell, task };
}

describe('the index of definitions', () => {
  it('finds an open task through all its attempts, and one that is done', () => {
    const { index, tell, task } = follow();
    const key = task(asked());
    for (const event of [started(1), retried(1), started(2)]) {
      tell(key, event);
      expect(index.open(ID)).toBe(key);
      expect(index.done(ID, ms(10))).toBeUndefined();
    }
    tell(key, made(2));
    expect(index.open(ID)).toBeUndefined();
    expect(index.done(ID, ms(10))).toEqual({ key, atMs: ms(10) });
  });

  it.each([
    ['with the parameters in another order', { quality: 80, url: URL }],
    ['with the defaults spelled out', FILLED],
  ])('knows a definition again %s', (_how, parameters) => {
    const { index, task } = follow();
    expect(index.open(ID)).toBeUndefined();
    const key = task(asked(parameters));
    expect(index.open(ID)).toBe(key);
  });

  it.each([
    ['another account', asked(undefined, { account: 'other' })],
    ['other parameters', asked({ url: URL, width: 100 })],
    [
      'parameters of another version',
      asked({ url: URL, sizes: null }, { task: { task_name: 'image.sizes', url: URL, sizes: null } }),
    ],
    ['parameters that do not fit', asked(undefined, { refused: { width: ['must be an integer'] } })],
    ['a task with metas', asked(undefined, { task_metas: {} })],
    ['a task that makes no files', asked({ url: URL, task_name: 'image.info' })],
  ])('does not take for the same: %s', (_what, event) => {
    const { index, tell } = follow();
    const name = (event as { task: { task_name: string } }).task.task_name;
    const key = tell(newKey(), event, name);
    tell(key, made(), name);
    expect(index.open(ID)).toBeUndefined();
    expect(index.done(ID, ms(10))).toBeUndefined();
  });

  it.each([
    ['failed', failed(1)],
    ['was canceled', canceled(1)],
    ['made nothing', completed(1)],
  ])('forgets a task that %s, and keeps the one that was done before', (_how, end) => {
    const { index, task } = follow();
    task(asked(), started(1), end);
    expect(index.size).toBe(0);
    const good = task(asked(), started(1), made(1, 5));
    task(asked(), started(1), end);
    expect(index.done(ID, ms(10))?.key).toBe(good);
  });

  it('takes the newest, of those that are open and of those that are done', () => {
    const { index, tell, task } = follow();
    const [first, second] = [task(asked()), task(asked())];
    expect(index.open(ID)).toBe(second);
    tell(first, made(1, 3));
    expect(index.open(ID)).toBe(second);
    tell(second, made(1, 4));
    expect(index.done(ID, ms(10))?.key).toBe(second);
    expect(index.size).toBe(1);
  });

  it('lets a done task stand for its definition as long as it was told to', () => {
    const { index, task } = follow({ maxAgeMs: 60_000 });
    const key = task(asked(), made(1, 10));
    expect(index.done(ID, ms(69))?.key).toBe(key);
    expect(index.done(ID, ms(70))).toBeUndefined();
  });

  it('does not begin to remember what was done too long ago, and forgets what has become old', () => {
    const { index, task } = follow({ maxAgeMs: 60_000 });
    task(asked({ url: URL, width: 1 }), made(1, 10));
    task(asked({ url: URL, width: 2 }), made(1, 30));
    expect(index.size).toBe(2);
    task(asked({ url: URL, width: 3 }), made(1, 80));
    expect(index.size).toBe(2);
    const { index: late } = follow();
    late.apply(
      { key: 'k', name: 'image.thumb', account: 'acme' } as TaskState,
      asked() as Extract<TaskEvent, { type: 'queued' }>,
      ms(0),
    );
    late.apply({ key: 'k', completed: date(0), outputs: [stored('output', 1)] } as never, made(), ms(7_200));
    expect(late.size).toBe(0);
  });

  it('remembers a bounded number of done tasks, the last ones', () => {
    const { index, task } = follow({ maxDone: 3 });
    const keys = [1, 2, 3, 4, 5].map((width) => task(asked({ url: URL, width }), made(1, width)));
    const found = [1, 2, 3, 4, 5].map(
      (width) => index.done(definitionId('acme', 'image.thumb', { ...FILLED, width }), ms(10))?.key,
    );
    expect(found).toEqual([undefined, undefined, ...keys.slice(2)]);
  });

  it('knows nothing of tasks whose beginning it has not seen', () => {
    const { index } = follow();
    index.apply({ key: 'k', completed: date(0), outputs: [stored('output', 1)] } as never, made(), ms(0));
    expect(index.size).toBe(0);
  });

  it('forgets a task of which it is told that its files are gone, unless another has taken its place', () => {
    const { index, task } = follow();
    const [first, second] = [task(asked(), made()), task(asked(), made())];
    index.forget(ID, first);
    expect(index.done(ID, ms(10))?.key).toBe(second);
    index.forget(ID, second);
    expect(index.done(ID, ms(10))).toBeUndefined();
  });
});
