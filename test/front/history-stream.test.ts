import { CloudEvent } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashOf } from '../../src/log/envelope.ts';
import { eventDate } from '../../src/log/event-date.ts';
import { newKey } from '../../src/log/key.ts';
import { seal } from '../../src/log/seal.ts';
import type { HistoryEvent } from '../support/histories.ts';
import { HistoryStage, type Line, linesOf, seqsOf } from './history-stream-support.ts';
import { DATE, hello, jsonOf, type Status, sleep, UNKNOWN_KEY } from './support.ts';

let stage: HistoryStage;
let mine: Status[];
beforeAll(async () => {
  stage = await HistoryStage.open();
  mine = await stage.create('acme', [hello('a'), { task_name: 'hello' }, sleep(0.5, 4)]);
  await stage.create('globex', hello('b'));
});
afterAll(() => stage[Symbol.asyncDispose]());

const historyOf = async (account: string, { key }: Status): Promise<HistoryEvent[]> => {
  const headers = { Authorization: `Secret ${account}-secret` };
  return jsonOf<HistoryEvent[]>(await fetch(`${stage.service.url}/v1/history?task=${key}`, { headers }));
};
const keysOf = (lines: readonly Line[]) => new Set(lines.map(({ key }) => key));
const isAscending = (seqs: readonly number[]) =>
  seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] as number));

describe('GET /v1/history_stream', () => {
  test('tells every event of the account, one a line, in the order of the log', async () => {
    const lines = await stage.read('acme');
    for (const line of lines) {
      expect(Object.keys(line)).toEqual(['seq', 'time', 'type', 'key', 'task_name', 'account', 'data']);
      expect(line.time).toMatch(DATE);
      expect(line.account).toBe('acme');
    }
    expect(isAscending(seqsOf(lines))).toBe(true);
    expect(keysOf(lines)).toEqual(new Set(mine.map(({ key }) => key)));
    expect(lines.map(({ task_name, type }) => `${task_name} ${type}`)).toEqual(
      expect.arrayContaining(['hello queued', 'hello failed', 'sleep progress', 'sleep completed']),
    );
  });

  test('tells what the history of each task tells, and all progress besides', async () => {
    const lines = await stage.read('acme');
    for (const status of mine) {
      const history = await historyOf('acme', status);
      const told = lines
        .filter(({ key }) => key === status.key)
        .map(({ task_name: _, account: _a, ...event }) => event);
      expect(told.filter(({ type }) => type !== 'progress')).toEqual(
        history.filter(({ type }) => type !== 'progress'),
      );
      expect(told).toEqual(expect.arrayContaining(history));
    }
    expect(lines.filter(({ type }) => type === 'progress').length).toBeGreaterThan(1);
  });

  test('ends at the head of the log as it was at the request', async () => {
    const { last } = await stage.log.extent();
    const lines = await stage.read('audit');
    expect(lines.at(-1)?.seq).toBe(last);
  });

  test('tells an account its own events only, and an auditor those of all', async () => {
    const everything = await stage.read('audit');
    const { last } = await stage.log.extent();
    expect(seqsOf(everything)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    expect(await stage.read('acme')).toEqual(everything.filter(({ account }) => account === 'acme'));
    expect(await stage.read('globex')).toEqual(everything.filter(({ account }) => account === 'globex'));
    expect(await stage.read('globex', `tasks=${mine[0]?.key}`)).toEqual([]);
    expect(keysOf(await stage.read('audit', `tasks=${mine[0]?.key}`))).toEqual(new Set([mine[0]?.key]));
  });

  test('begins and ends where it is told to, both included', async () => {
    const lines = await stage.read('acme');
    const [second, third, fourth] = lines.slice(1) as [Line, Line, Line];
    expect(await stage.read('acme', `from=${second.seq}`)).toEqual(lines.slice(1));
    expect(await stage.read('acme', `from=${second.seq}&until=${fourth.seq}`)).toEqual([
      second,
      third,
      fourth,
    ]);
    expect(await stage.read('acme', 'from=0&until=0')).toEqual([]);
    expect(await stage.read('acme', `from=${(await stage.log.extent()).last + 1}`)).toEqual([]);
    expect(await stage.read('acme', `until=${10 ** 14}`)).toEqual(lines);
  });

  test('takes dates for places, as they stand in its answers', async () => {
    await stage.create('acme', hello());
    const lines = await stage.read('acme');
    for (const [index, { seq, time }] of lines.entries()) {
      const from = await stage.read('acme', `from=${time}`);
      expect(seqsOf(from)).toEqual(seqsOf(lines.slice(lines.findIndex((line) => line.time >= time))));
      const until = await stage.read('acme', `until=${encodeURIComponent(time)}`);
      expect(seqsOf(until).slice(0, index + 1)).toEqual(seqsOf(lines.slice(0, index + 1)));
      expect(seqsOf(until)).toContain(seq);
    }
    const middle = lines[3]?.time ?? '';
    const both = [
      ...(await stage.read('acme', `until=${middle}`)),
      ...(await stage.read('acme', `from=${middle}`)),
    ];
    expect([...new Set(seqsOf(both))]).toEqual(seqsOf(lines));
    expect(await stage.read('acme', 'until=2001-01-01')).toEqual([]);
    // Nothing to wait for, so nothing to begin with either: a reader of lines would take it for one.
    expect(await (await stage.ask('acme', 'until=2001-01-01&follow=true')).text()).toBe('');
    expect(await stage.read('acme', 'from=2001-01-01T00:00Z&until=2100-01-01')).toEqual(lines);
    expect(await stage.read('acme', 'from=2100-01-01')).toEqual([]);
  });

  test('tells the events of some tasks and of some types', async () => {
    const lines = await stage.read('acme');
    const [one, , three] = mine as [Status, Status, Status];
    const ofTasks = await stage.read('acme', `tasks=${one.key}&tasks=${three.key}`);
    expect(ofTasks).toEqual(lines.filter(({ key }) => key === one.key || key === three.key));
    const ofTypes = await stage.read('acme', 'types=queued&types=failed');
    expect(ofTypes).toEqual(lines.filter(({ type }) => type === 'queued' || type === 'failed'));
    const ofBoth = await stage.read('acme', `types=completed&tasks=${one.key}`);
    expect(ofBoth.map(({ type }) => type)).toEqual(['completed']);
    expect(await stage.read('acme', `tasks=${UNKNOWN_KEY}`)).toEqual([]);
  });

  test('marks what came after the end as late, as the history does', async () => {
    const [{ key }] = (await stage.create('acme', hello())) as [Status];
    const event = { type: 'progress', at: eventDate(), account: 'acme', attempt: 1, progress: 7 } as const;
    const seq = await stage.log.append(seal({ name: 'hello', key }, event, hashOf(Buffer.from('?'))));
    const lines = await stage.read('acme', `tasks=${key}`);
    expect(lines.map(({ type, late }) => [type, late])).toEqual([
      ['queued', undefined],
      ['started', undefined],
      ['completed', undefined],
      ['progress', true],
    ]);
    expect(lines.at(-1)).toMatchObject({ seq, data: { attempt: 1, progress: 7 } });
    expect(await historyOf('acme', { key } as Status)).toMatchObject([{}, {}, {}, { seq, late: true }]);
  });

  test('tells auditors of a record that cannot be read, and nobody else', async () => {
    const key = newKey();
    stage.connection.publish(`task.started.hello.${key}.1`, '{"v":99}');
    await stage.connection.flush();
    const { last } = await stage.log.extent();
    const told = await stage.read('audit', `from=${last}`);
    expect(told).toEqual([{ unreadable: { seq: last, reason: expect.stringContaining('version 99') } }]);
    expect(await stage.read('acme', `from=${last}`)).toEqual([]);
  });
});

describe('As Server-Sent Events', () => {
  const SSE = { Accept: 'text/event-stream' };
  const events = async (query: string, headers: Record<string, string> = {}) => {
    const response = await stage.ask('acme', query, { ...SSE, ...headers });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    return response.text();
  };

  test('it tells the same, and each id is the seq', async () => {
    const text = await events('');
    const lines = await stage.read('acme');
    expect(linesOf(text)).toEqual(lines);
    expect(text).toBe(lines.map((line) => `id: ${line.seq}\ndata: ${JSON.stringify(line)}\n\n`).join(''));
  });

  test('Last-Event-ID resumes after that event, whatever from says', async () => {
    const lines = await stage.read('acme');
    const id = String(lines[2]?.seq);
    expect(linesOf(await events('from=1', { 'Last-Event-ID': id }))).toEqual(lines.slice(3));
    expect(await stage.read('acme', 'from=1', { 'Last-Event-ID': id })).toEqual(lines.slice(3));
    const last = String(lines.at(-1)?.seq);
    expect(linesOf(await events('from=1', { 'Last-Event-ID': last }))).toEqual([]);
  });
});

describe('A browser that asks again when its feed has ended', () => {
  const headers = { Accept: 'text/event-stream' };
  const untilOver = async (query: string): Promise<number[]> => {
    const seqs: number[] = [];
    let id = '';
    for (let asked = 0; asked < 5; asked++) {
      const response = await stage.ask('acme', query, { ...headers, 'Last-Event-ID': id });
      const text = await response.text();
      if (response.status === 204) return seqs;
      expect(response.status).toBe(200);
      seqs.push(...seqsOf(linesOf(text)));
      id = /^.*\nid: (\d+)\n/s.exec(text)?.[1] ?? '';
    }
    throw new Error('it was never told to stop');
  };

  test('is told to stop at the end that it asked for', async () => {
    await stage.create('acme', hello());
    const lines = await stage.read('acme');
    const { last } = await stage.log.extent();
    const now = lines.at(-1)?.time as string;
    const types = 'types=queued';
    const queued = seqsOf(await stage.read('acme', types));
    expect(await untilOver(`until=${last}`)).toEqual(seqsOf(lines));
    const whole = await (await stage.ask('acme', `until=${lines.at(-1)?.seq}`, headers)).text();
    expect(whole.match(/^id: /gm)).toHaveLength(lines.length);
    // The last that it is told of stands before the end.
    expect(await untilOver(`until=${last}&${types}`)).toEqual(queued);
    expect(await untilOver(`until=${encodeURIComponent(now)}&${types}&follow=true`)).toEqual(queued);
    expect(await untilOver(`until=${last}&types=retried`)).toEqual([]);
    // Nothing comes before it that could have an id.
    expect(await untilOver('until=2001-01-01')).toEqual([]);
    const soon = new Date(Date.now() + 1_000).toISOString();
    expect(await untilOver(`until=${soon}&follow=true&${types}`)).toEqual(queued);
  });

  test('goes on where it asked for none, or for one to come', async () => {
    const { last } = await stage.log.extent();
    for (const query of ['', `until=${last + 1}`]) {
      const response = await stage.ask('acme', query, { ...headers, 'Last-Event-ID': String(last) });
      expect([response.status, await response.text()]).toEqual([200, '']);
    }
  });

  test('and another client gets an answer of no lines', async () => {
    const { last } = await stage.log.extent();
    expect(await stage.read('acme', `until=${last}`, { 'Last-Event-ID': String(last) })).toEqual([]);
  });
});

describe('As CloudEvents', () => {
  test.each([
    ['Accept: application/cloudevents+json', '', { Accept: 'application/cloudevents+json' }],
    ['format=cloudevents', 'format=cloudevents', {}],
  ])(
    'asked for by %s, it tells the same, and the published package takes every line',
    async (_, query, headers) => {
      const lines = await stage.read('acme');
      const text = await (await stage.ask('acme', query, headers as Record<string, string>)).text();
      const told = linesOf(text).map((line) => new CloudEvent<unknown>(line as never, true));
      expect(
        told.map(({ id, type, subject, time, data, taskname, account, late }) => ({
          seq: Number(id),
          time,
          type: type.replace('wyvern.task.', ''),
          key: subject,
          task_name: taskname,
          account,
          data,
          ...(late === undefined ? {} : { late }),
        })),
      ).toEqual(lines);
      expect(told.every(({ source }) => source === stage.service.url)).toBe(true);
      expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
    },
  );

  // The last test: it takes from the log what the others read.
  test('a gap is one too', async () => {
    await stage.log.upkeep.letGo(3);
    const answer = await stage.ask('audit', 'format=cloudevents', { Accept: 'text/event-stream' });
    const [first] = linesOf(await answer.text());
    const gap = { id: 'gap-1-2', type: 'wyvern.log.gap', data: { from: 1, to: 2 } };
    expect(new CloudEvent<unknown>(first as never, true)).toMatchObject(gap);
  });
});
