import { jetstream } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import type { Append } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { doneSubject } from '../../src/log/subject.ts';
import { completed, progress, queued, retried, started } from '../actors/events.ts';
import { after, lifeOf, openStage, type Stage } from '../log/reading-support.ts';
import { replayed } from './import-support.ts';

let stage: Stage;
let begun: Append;

/** Events 1 to 7 of a task of which two were late, 5 and 7, among those of another one. */
beforeAll(async () => {
  stage = await openStage();
  const first = seal({ name: 'sleep', key: newKey() }, queued());
  begun = after(first, started(1));
  const again = after(begun, started(2));
  const other = lifeOf('hello')[0] as Append;
  const events = [
    first,
    begun,
    again,
    after(again, completed(2)),
    after(begun, progress(1, 50)),
    other,
    after(begun, retried(1)),
  ];
  for (const event of events) await stage.writer.append(event);
});

afterAll(() => stage[Symbol.asyncDispose]());

const lateOf = async (...args: string[]): Promise<number[]> =>
  (await replayed(stage.log, '--json', ...args)).lines
    .map((line) => JSON.parse(line) as { seq: number; late?: boolean })
    .flatMap(({ seq, late }) => (late ? [seq] : []));

test('late events are marked, from wherever the reading begins and whatever else is shown', async () => {
  expect(await lateOf()).toEqual([5, 7]);
  expect(await lateOf('--from', '4')).toEqual([5, 7]);
  expect(await lateOf('--from', '5')).toEqual([5, 7]);
  expect(await lateOf('--type', 'progress', '--type', 'queued')).toEqual([5]);
  expect(await lateOf('--from', '6', '--type', 'retried')).toEqual([7]);
  expect(await lateOf('--type', 'completed')).toEqual([]);
});

test('people see them too', async () => {
  const { lines } = await replayed(stage.log);
  expect(lines.filter((line) => line.endsWith('  late'))).toHaveLength(2);
});

test('a record that cannot be read takes nothing from those beside it', async () => {
  const broken = seal({ name: 'hello', key: newKey() }, queued());
  await stage.writer.append(broken);
  const from = await stage.writer.append(after(broken, started(1)));
  const { connection } = await stage.server.open();
  await jetstream(connection).publish(doneSubject('hello', broken.key), 'no event');
  const late = await stage.writer.append(after(begun, progress(1, 60)));
  expect(await lateOf('--from', `${from}`)).toEqual([late]);
});
