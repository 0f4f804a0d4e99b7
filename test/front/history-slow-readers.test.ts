import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Queued } from '../../actors/event.ts';
import { eventDate } from '../../src/log/event-date.ts';
import { newKey } from '../../src/log/key.ts';
import { seal } from '../../src/log/seal.ts';
import { until } from '../support/until.ts';
import { type Following, HistoryStage, linesOf, seqsOf } from './history-stream-support.ts';
import { dial, gauge, hello } from './support.ts';

const MEGABYTE = 1024 * 1024;

let stage: HistoryStage;
/** Readers that fall silent, and one that stalls, at the beginning; they are looked at again when they have. */
let idle: Following;
let idleEvents: Following;
let stalled: Socket;
/** Up to there it reads. */
let last: number;
beforeAll(async () => {
  stage = await HistoryStage.open();
  await stage.create('globex', hello());
  idle = await stage.follow('globex', '');
  idleEvents = await stage.follow('globex', '', { Accept: 'text/event-stream' });
  last = await fill(24 * MEGABYTE);
  stalled = await stall(`until=${last}`);
});
afterAll(() => stage[Symbol.asyncDispose]());

/** Puts events of 20 kB into the log that no worker takes; answers the last sequence. */
async function fill(bytes: number): Promise<number> {
  const task = { task_name: 'nobody.knows', text: 'x'.repeat(20_000) };
  const event = (): Queued => ({ type: 'queued', at: eventDate(), account: 'acme', task });
  let last = 0;
  for (let written = 0; written < bytes; written += 40 * 20_000)
    last = await stage.log.appendAll(
      Array.from({ length: 40 }, () => seal({ name: 'nobody.knows', key: newKey() }, event())),
    );
  return last;
}

/** A reader of the whole log that takes nothing of the answer. */
async function stall(query: string): Promise<Socket> {
  const socket = await dial(stage.service);
  socket.pause();
  const head = [`GET /v1/history_stream?${query} HTTP/1.1`, 'Host: x', 'Connection: close'];
  socket.write(`${[...head, 'Authorization: Secret audit-secret'].join('\r\n')}\r\n\r\n`);
  return socket;
}

/** What it gets of the log, in the end. */
async function takenBy(socket: Socket): Promise<number[]> {
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  socket.resume();
  await until(() => socket.readableEnded, 20_000);
  return seqsOf(linesOf(bodyOf(answer)));
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** The body of a chunked answer. */
function bodyOf(answer: string): string {
  let rest = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  let body = '';
  for (;;) {
    const [size = ''] = rest.split('\r\n', 1);
    const length = Number.parseInt(size, 16);
    if (!length) return body;
    body += rest.slice(size.length + 2, size.length + 2 + length);
    rest = rest.slice(size.length + 4 + length);
  }
}

describe('A reader that has nothing to read', () => {
  test('hears a heartbeat after 15 s, that says how far it has been told', async () => {
    const beats = await until(() => {
      const beats = idle.lines.filter(({ heartbeat }) => heartbeat);
      return beats.length > 0 ? beats : undefined;
    }, 25_000);
    // It saw nothing of what others had stored since, but has been past it.
    expect(beats[0]?.heartbeat?.seq).toBe(last);
    expect(idle.lines.filter(({ heartbeat }) => !heartbeat).map(({ type }) => type)).toEqual([
      'queued',
      'started',
      'completed',
    ]);
    idle.leave();
  });

  test('gets it as an id without data, where those are Server-Sent Events', async () => {
    const beat = await until(
      () => /: nothing new\nid: (\d+)\n\n/.exec(idleEvents.text()) ?? undefined,
      25_000,
    );
    expect(Number(beat[1])).toBe(last);
    expect(idleEvents.lines).toHaveLength(3);
    idleEvents.leave();
  });
});

describe('A reader that stalls', () => {
  test('is still there after 15 s, and gets the rest when it takes it', async () => {
    expect(await takenBy(stalled)).toEqual(upTo(last));
  });

  test('gets all up to the date at which it ends, also where that comes long before it takes it', async () => {
    const end = new Date(Date.now() + 500).toISOString();
    const reader = await stall(`follow=true&until=${end}`);
    // The feed looks for its end a second after the date.
    await delay(3_500);
    expect(await takenBy(reader)).toEqual(upTo(last));
  });

  test('costs the front a bounded buffer, however much there is to read', async () => {
    const memory = () => gauge(stage.service, 'wyvern_front_process_resident_memory_bytes');
    const open = await gauge(stage.service, 'wyvern_open_history_feeds');
    const before = await memory();
    const readers = await Promise.all(Array.from({ length: 30 }, () => stall(`until=${last}`)));
    await until(async () => (await gauge(stage.service, 'wyvern_open_history_feeds')) === open + 30);
    // Another one reads it all meanwhile: they hold up nobody, and have had the time to read it too.
    for (let round = 0; round < 3; round++)
      expect(await stage.read('audit', `until=${last}`)).toHaveLength(last);
    // Together they have 720 MB to read.
    expect((await memory()) - before).toBeLessThan(200 * MEGABYTE);
    for (const socket of readers) socket.destroy();
    await until(async () => (await gauge(stage.service, 'wyvern_open_history_feeds')) === open);
  });
});
