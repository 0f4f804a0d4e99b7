import { expect, it } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { completed, KEY, queued, started } from '../actors/events.ts';
import { fedProjection } from './fed-projection.ts';

const OTHER = newKey();

/** A projection with a queued task, what it has told of that, and what comes to it from the log. */
async function projection() {
  const { made, tell, ...others } = fedProjection();
  await made.start();
  const told: string[] = [];
  tell(1, KEY, queued());
  made.watch(KEY, { changed: ({ status }) => told.push(status), lost: () => told.push('lost') });
  return { made, tell, told, ...others };
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

it('says nothing of one whose end may be what cannot be read, and keeps nobody waiting for that', async () => {
  const { made, told, pass, skip } = await projection();
  const waiting = made.reached(6);
  skip(6);
  await waiting;
  expect([made.unreadableEvents, made.last]).toEqual([1, undefined]);
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['lost']);
});

it('leaves a task alone that was queued after what the log has let go of', async () => {
  const { made, tell, told } = await projection();
  tell(8, OTHER, queued());
  made.forgetBefore(8, 8);
  expect(told).toEqual(['error']);
  expect([...made.open()].map(({ key }) => key)).toEqual([OTHER]);
});

it('tells of one that was still at work after what it missed', async () => {
  const { made, tell, told, pass, miss } = await projection();
  miss(6);
  tell(7, KEY, started(1));
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['executing', 'error']);
});
