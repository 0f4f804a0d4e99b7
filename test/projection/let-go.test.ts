import { expect, it } from 'vitest';
import { completed, KEY, queued, started } from '../actors/events.ts';
import { fedProjection } from './fed-projection.ts';

/** A projection with a queued task, what it has told of that, and what comes to it from the log. */
async function projection() {
  const { made, tell, pass, miss } = fedProjection();
  await made.start();
  const told: string[] = [];
  tell(1, KEY, queued());
  made.watch(KEY, { changed: ({ status }) => told.push(status), lost: () => told.push('lost') });
  return { made, tell, told, pass, miss };
}

it('takes no task for let go of whose end it has yet to fold', async () => {
  const { made, tell, told } = await projection();
  made.forgetBefore(5, 8);
  expect(told).toEqual([]);
  tell(8, KEY, completed(1));
  made.forgetBefore(5, 8);
  expect(told).toEqual(['success']);
  expect(made.peek(KEY)).toMatchObject({ status: 'success' });
});

it('tells of one that has no end, also where the log ends with what is no event', async () => {
  const { made, told, pass } = await projection();
  made.forgetBefore(5, 8);
  expect(told).toEqual([]);
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['error']);
});

it('says nothing of one whose end may have been among what it missed', async () => {
  const { made, told, pass, miss } = await projection();
  miss(6);
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['lost']);
  expect(made.peek(KEY)).toBeUndefined();
  expect(made.openTasks).toBe(0);
});

it('tells of one that was still at work after what it missed', async () => {
  const { made, tell, told, pass, miss } = await projection();
  miss(6);
  tell(7, KEY, started(1));
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['executing', 'error']);
});
