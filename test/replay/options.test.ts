import { describe, expect, it } from 'vitest';
import { readReplayOptions, UsageError } from '../../src/replay/options.ts';
import { KEY } from '../actors/events.ts';

describe('the options of replay', () => {
  it('show everything if there are none', () => {
    expect(readReplayOptions([])).toMatchObject({ mode: 'show', follow: false, json: false });
  });

  it.each([
    [['--from', 'yesterday'], 'must be the seq of an event or an ISO 8601 date'],
    [['--from', '9', '--until', '3'], '--from is after --until'],
    [['--from', '2026-11-27', '--until', '2026-11-26T23:59Z'], '--from is after --until'],
    [['--task', 'x'], 'is not a task key'],
    [['--type', 'done'], 'must be one of: queued'],
    [['--speed', '0'], 'must be a number above 0'],
    [['--follow', '--until', '3'], 'no end'],
    [['--state', `${KEY}@x`], 'must be KEY or KEY@SEQ'],
    [['--verify', '--type', 'queued'], '--type does not go with --verify'],
    [['--nonsense'], "Unknown option '--nonsense'"],
    [['surplus'], 'Unexpected argument'],
  ])('refuse %j', (args, message) => {
    expect(() => readReplayOptions(args)).toThrow(UsageError);
    expect(() => readReplayOptions(args)).toThrow(message);
  });
});
