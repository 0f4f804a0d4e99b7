import { describe, expect, test } from 'vitest';
import { extractCredentials } from '../../src/accounts/credentials.ts';
import { Limits } from '../../src/accounts/limits.ts';
import { parseJson } from '../../src/front/body.ts';
import { checkTasks } from '../../src/front/definitions.ts';
import { chooseFile } from '../../src/front/endpoints/file.ts';
import { cloudEvents, PLAIN } from '../../src/front/history-lines.ts';
import { historyJson } from '../../src/front/history-view.ts';
import type { Example, Media } from '../../src/front/openapi/parts.ts';
import type { Problem } from '../../src/front/request-error.ts';
import { StatusView } from '../../src/front/status-view.ts';
import type { StoredEvent } from '../../src/log/envelope.ts';
import { foldHistory, type TaskState } from '../../src/projection/state.ts';
import { catalogue } from '../../src/tasks/catalogue.ts';
import { callsOf, contentsOf, PUBLIC_URL, published, violations } from './openapi-support.ts';

const document = published();
const contents = contentsOf(document);
const examplesOf = ({ examples = {} }: Media): Example[] => Object.values(examples);

/** The values of a feed. */
const linesOf = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => /^(data: )?[[{]/.test(line))
    .map((line) => JSON.parse(line.replace(/^data: /, '')));

describe('The examples', () => {
  test.each(contents)('of $where fit their schema', ({ media }) => {
    for (const { summary, value } of examplesOf(media))
      expect(violations(document, media.schema, value), summary).toEqual([]);
  });

  test('of bodies, of feeds and of answers in JSON are there wherever they can be', () => {
    const bare = contents.filter(({ media }) => examplesOf(media).length === 0).map(({ where }) => where);
    expect(bare).toEqual([
      'GET /files/{key}/{file}, 200, */*',
      'GET /files/{key}/{file}, 206, */*',
      'GET /v1/tasks, 200, application/json',
      'GET /metrics, 200, text/plain',
      'GET /openapi.json, 200, application/json',
      'GET /docs, 200, text/html',
    ]);
  });

  test('of feeds hold lines that fit their schema, the list first and every end in it', () => {
    const feeds = contents.filter(
      ({ media, where }) => media['x-line-schema'] && !where.includes('history_stream'),
    );
    expect(feeds.length).toBeGreaterThanOrEqual(10);
    for (const { where, media } of feeds) {
      const lines = linesOf(examplesOf(media)[0]?.value as string);
      for (const line of lines)
        expect(violations(document, media['x-line-schema'] ?? {}, line), where).toEqual([]);
      expect(lines[0], where).toHaveLength(2);
      expect(lines.filter((line) => (line as TaskState).status === 'success')).toHaveLength(2);
    }
  });

  test('of feeds of events hold lines that fit their schema, the same ones whatever they are written in', () => {
    const feeds = contents.filter(({ where }) => where.startsWith('GET /v1/history_stream, 200'));
    expect(feeds.map(({ type }) => type)).toEqual(['application/x-ndjson', 'text/event-stream']);
    for (const { media } of feeds)
      for (const { value, summary } of examplesOf(media)) {
        const lines = linesOf(value as string);
        for (const line of lines)
          expect(violations(document, media['x-line-schema'] ?? {}, line), summary).toEqual([]);
        expect(lines.length, summary).toBeGreaterThanOrEqual(4);
      }
  });

  test('of parameters fit their schemas', () => {
    const given = callsOf(document).flatMap(({ operation }) => operation.parameters ?? []);
    const examples = given.filter(({ example }) => example !== undefined);
    expect(examples.length).toBeGreaterThan(10);
    for (const { example, schema, name } of examples)
      expect(violations(document, schema, example), name).toEqual([]);
  });

  test('of definitions are taken without a word', () => {
    const bodies = contents.filter(({ where }) => /^POST .*create.*, body/.test(where));
    expect(bodies).toHaveLength(4);
    for (const { value } of bodies.flatMap(({ media }) => examplesOf(media))) {
      const { tasks, task } = value as { tasks?: unknown; task?: unknown };
      const problems: Problem[] = [];
      const checked = checkTasks(
        tasks ?? task,
        { maxTasks: 10, bodyBytes: 1_000, credential: { kind: 'secret', value: '' } },
        problems,
      );
      expect(problems).toEqual([]);
      expect(checked.map(({ refused }) => refused)).toEqual(checked.map(() => undefined));
    }
  });

  test('of results fit the tasks that they stand for', () => {
    const create = contents.find(({ where }) => where.startsWith('POST /v1/create, 200'));
    const example = create?.media.examples?.ended as Example;
    const [{ result }] = example.value as [{ result: Record<string, unknown> }];
    const { output, ...values } = result;
    expect(violations(document, catalogue.get('image.thumb')?.result ?? {}, values)).toEqual([]);
    expect(output).toMatch(new RegExp(`^${PUBLIC_URL}/files/[0-9A-Z]{26}/output\\.jpe?g$`));
  });
});

describe('The examples of errors say what the front says', () => {
  const shared = (name: string): Problem => {
    const [media] = Object.values(document.components.responses[name]?.content ?? {});
    const example = media?.examples?.example as Example;
    return (example.value as { errors: [Problem] }).errors[0];
  };

  test('of a forgotten parameter', () => {
    const problems: Problem[] = [];
    checkTasks(
      undefined,
      { maxTasks: 10, bodyBytes: 10, credential: { kind: 'secret', value: '' } },
      problems,
    );
    expect([shared('Invalid')]).toEqual(problems);
  });

  test('of a limit', () => {
    const limits = new Limits(() => ({ active_tasks: 1_000, tasks_per_minute: undefined }) as never);
    for (let task = 0; task < 999; task += 1) limits.queued('acme', 0);
    const { name, description } = shared('Refused');
    expect(limits.refusals('acme', 2, 0, 0)[0]).toMatchObject({ name, description });
  });

  test('of a name that no file has', () => {
    const state = {
      name: 'image.sizes',
      outputs: [{ name: 'small' }, { name: 'large' }],
    } as unknown as TaskState;
    const answers = contents.filter(({ where }) => /file.*, 404/.test(where) && !where.includes('/files/'));
    expect(answers).toHaveLength(6);
    for (const { media } of answers)
      expect(media.examples?.file?.value).toEqual({ status: 'error', ...chooseFile(state, 'medium') });
  });
});

describe('What the front writes fits the schemas', () => {
  const schema = (name: string) => document.components.schemas[name] as object;
  const key = '017Q899NAQN9TCQ3EH18VHCD7T';
  const at = (second: number) => `2013-04-03T15:47:${second}.703674+00:00`;
  const acme = { account: 'acme', attempt: 1 };
  const output = {
    name: 'output',
    attempt: 1,
    file: 'output.jpg',
    content_type: 'image/jpeg',
    bytes: 9,
    sha256: 'a'.repeat(64),
  };
  const spent = { fetching: 1, running: 2.5, storing: 3 };
  const task = { task_name: 'image.thumb', url: 'https://files.example/cat.jpg' };
  const begin = [
    { type: 'queued', at: at(10), account: 'acme', task, task_metas: { page: 1 } },
    { type: 'started', at: at(11), ...acme, worker: 'media-1-4711' },
    { type: 'progress', at: at(12), ...acme, progress: 50 },
  ];
  const ends = {
    completed: { type: 'completed', at: at(13), ...acme, result: { width: 1 }, outputs: [output], spent },
    failed: { type: 'failed', at: at(13), ...acme, error: "File 'x' is not a valid image file" },
    refused: {
      type: 'failed',
      at: at(13),
      ...acme,
      error: { parameters: { url: ['this field is required'] } },
    },
    canceled: { type: 'canceled', at: at(13), ...acme },
    retried: { type: 'retried', at: at(13), ...acme, reason: 'a reason', next: at(15) },
  };
  const stored = (events: readonly object[]): StoredEvent[] =>
    events.map(
      (event, index) =>
        ({ key, name: 'image.thumb', seq: index + 1, id: '', event }) as unknown as StoredEvent,
    );

  test.each(Object.entries(ends))('when a task was %s', (_, end) => {
    const history = stored([...begin, end, ends.canceled]);
    const view = new StatusView(PUBLIC_URL);
    for (let length = 1; length <= history.length; length += 1) {
      const status = view.json(foldHistory(history.slice(0, length)) as TaskState);
      expect(violations(document, schema('Status'), JSON.parse(status)), status).toEqual([]);
    }
    for (const event of JSON.parse(historyJson(history)))
      expect(violations(document, schema('HistoryEvent'), event), event.type).toEqual([]);
    const [gap] = JSON.parse(historyJson(history.slice(1)));
    expect(violations(document, schema('HistoryGap'), gap)).toEqual([]);
    const wordings = [
      ['HistoryLine', PLAIN],
      ['CloudEvent', cloudEvents(PUBLIC_URL)],
    ] as const;
    for (const [name, wording] of wordings)
      for (const { seq, event } of history) {
        const { type, at, account, ...rest } = event;
        const recorded = { seq, key, name: 'hello', type, at, account, rest: JSON.stringify(rest) };
        const line = JSON.parse(wording.event(recorded, true));
        expect(violations(document, schema(name), line), type).toEqual([]);
      }
  });

  test.each([
    ['HistoryLine', PLAIN],
    ['CloudEvent', cloudEvents(PUBLIC_URL)],
  ] as const)('when a feed of events says more than events, as %s', (name, wording) => {
    const said = [
      wording.gap({ from: 1, to: 7 }),
      wording.unreadable({ seq: 3, reason: 'event 3 is not JSON' }),
      wording.heartbeat(9),
    ];
    for (const text of said) expect(violations(document, schema(name), JSON.parse(text)), text).toEqual([]);
  });

  test('when a request is refused', () => {
    const extraction = extractCredentials({ body: {} });
    if (extraction.ok) throw new Error('an empty body has no credentials');
    expect(violations(document, schema('Problem'), extraction.problem)).toEqual([]);
    expect(() => parseJson(Buffer.from('[]'))).toThrow('body must be a JSON object');
  });
});
