import { setMaxListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { SharedExtent, type StreamExtent } from '../../../src/log/jetstream/shared-extent.ts';
import { newKey } from '../../../src/log/key.ts';
import { until } from '../../support/until.ts';
import { lifeOf, openStage } from '../reading-support.ts';

const span = (first: number, last: number): StreamExtent => ({ first, last, importedThrough: 0 });

/** A log that answers when it is told to, and how often it was asked. */
function slowLog() {
  const answers: ((span: StreamExtent | undefined) => void)[] = [];
  const ask = () => new Promise<StreamExtent | undefined>((resolve) => answers.push(resolve));
  return { extent: new SharedExtent(ask), answers };
}

describe('the extent of the log', () => {
  it('is asked for once for all who came before the question', async () => {
    const { extent, answers } = slowLog();
    const first = extent.now();
    const [second, third] = [extent.now(), extent.soon()];
    expect(answers).toHaveLength(1);
    answers[0]?.(span(1, 5));
    expect(await first).toEqual(span(1, 5));
    await until(() => answers.length === 2);
    answers[1]?.(span(3, 6));
    // They came after the first question was put: what went between would have been missed.
    expect(await Promise.all([second, third])).toEqual([span(3, 6), span(3, 6)]);
    expect(answers).toHaveLength(2);
  });

  it('is asked for without haste by who does not need it now, and again by who comes later', async () => {
    const { extent, answers } = slowLog();
    const idle = Array.from({ length: 100 }, () => extent.soon());
    expect(answers).toHaveLength(0);
    await until(() => answers.length > 0);
    answers[0]?.(undefined);
    expect(new Set(await Promise.all(idle))).toEqual(new Set([undefined]));
    const later = extent.now();
    answers[1]?.(span(1, 1));
    expect(await later).toEqual(span(1, 1));
    expect(answers).toHaveLength(2);
  });
});

it('is one question for all readers with a filter who learn that there was nothing for them', async () => {
  await using stage = await openStage();
  const { connection } = await stage.server.open();
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const readers = Array.from({ length: 40 }, () => ({ through: 0 }));
  const reading = readers.map(async (reader) => {
    for await (const { through } of stage.log.read({ after: 0, keys: [newKey()], signal: abort.signal }))
      reader.through = through;
  });
  await until(async () => (await stage.consumers()) === readers.length);
  let questions = 0;
  connection.subscribe('$JS.API.STREAM.INFO.TASKS', { callback: () => void questions++ });
  await connection.flush();
  const last = await stage.writer.appendAll(lifeOf('hello'));
  await until(() => readers.every(({ through }) => through >= last));
  abort.abort();
  await Promise.all(reading);
  expect(questions).toBeGreaterThan(0);
  expect(questions).toBeLessThan(readers.length / 2);
});
