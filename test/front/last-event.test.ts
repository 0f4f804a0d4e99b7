import { afterAll, beforeAll, expect, it } from 'vitest';
import { lastEventOf } from '../../src/front/last-event.ts';
import { newKey } from '../../src/log/key.ts';
import type { Append } from '../../src/log/log.ts';
import { createLogger } from '../../src/logger.ts';
import { Projection } from '../../src/projection/projection.ts';
import { ArchiveStage } from '../log/archive-support.ts';
import { lifeOfNow } from '../log/reading-support.ts';

let stage: ArchiveStage;
let projection: Projection;
beforeAll(async () => {
  stage = await ArchiveStage.start();
  projection = new Projection({ log: stage.log, logger: createLogger('test', stage.server.config) });
  await projection.start();
});
afterAll(async () => {
  await projection.close();
  await stage[Symbol.asyncDispose]();
});

it('finds where archived tasks said their last word, late ones included', async () => {
  const { log } = stage;
  const [first, second, open] = [lifeOfNow('hello'), lifeOfNow('hello'), lifeOfNow('hello')];
  const keys = [first, second].map((life) => life[0]?.key as string);
  const end = await log.appendAll([...first, ...second]);
  const late = await log.append(first[2] as Append);
  const last = await log.appendAll(open.slice(0, 2));
  await stage.archived(last);
  await stage.letGo(last - 1);
  const parts = { log, projection };
  expect(await lastEventOf(parts, keys, last)).toBe(late);
  expect(await lastEventOf(parts, keys.slice(1), last)).toBe(end);

  // What has not ended may go on, and of what is not known nothing can be said.
  expect(await lastEventOf(parts, [...keys, open[0]?.key as string], last)).toBeUndefined();
  expect(await lastEventOf(parts, [...keys, newKey()], last)).toBeUndefined();
});
