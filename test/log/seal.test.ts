import { expect, test } from 'vitest';
import { decodeEvent } from '../../src/log/envelope.ts';
import type { TaskHistories } from '../../src/log/log.ts';
import { sealEnd } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { lifeOf } from './reading-support.ts';

test('an end from outside carries the newest attempt of the log, whatever its writer knew', async () => {
  const life = lifeOf('hello');
  for (const [length, attempt] of [0, 1, 1, 1, 2].entries()) {
    const stored = life
      .slice(0, length + 1)
      .map(({ name, key, event, bytes }, index) =>
        decodeEvent(subjectOf(name, key, event), bytes, index + 1),
      );
    const log = { history: async () => stored } as unknown as TaskHistories;
    const [first] = life;
    if (!first) throw new Error('a life has a beginning');
    expect((await sealEnd(log, first, { type: 'canceled' })).event).toMatchObject({
      type: 'canceled',
      attempt,
    });
    expect((await sealEnd(log, first, { type: 'failed', error: 'late' })).event).toMatchObject({
      error: 'late',
      attempt,
    });
  }
});
