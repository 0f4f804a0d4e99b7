import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { JetStreamImport } from '../../src/log/jetstream/import.ts';
import { UnfinishedImport } from '../../src/log/jetstream/import-mark.ts';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { type Append, LogUnavailable } from '../../src/log/log.ts';
import type { ReadOptions } from '../../src/log/reading.ts';
import { createLogger } from '../../src/logger.ts';
import { hasZstd } from '../../src/replay/compression.ts';
import { FileProblem } from '../../src/replay/file-problem.ts';
import { readReplayOptions } from '../../src/replay/options.ts';
import { lifeOf, lifeOfNow, never, openStage, type Stage } from '../log/reading-support.ts';
import { until } from '../support/until.ts';
import { Bench, linesIn, replayed } from './import-support.ts';

let source: Stage;
let bench: Bench;
const keys: string[] = [];

beforeAll(async () => {
  source = await openStage();
  bench = await Bench.start();
  const { connection } = await source.server.open();
  for (let count = 0; count < 6; count++) {
    const life = lifeOfNow('hello');
    keys.push((life[0] as Append).key);
    await source.writer.appendAll(life);
  }
  const request = { account: 'acme', idempotencyKey: 'a', at: '2026', digest: '', keys, after: 0 };
  await source.writer.submit({
    entries: lifeOfNow('sleep').slice(0, 1),
    turn: { account: 'acme', after: 0 },
    records: [request],
  });
  for (const odd of [
    'not json',
    '\ufeff{"v":2}',
    '{"v":\n2}',
    '{"v":2} ',
    '',
    '"\u2028 日本 \\ud800"',
    'null',
  ])
    await connection.request(`task.queued.odd.${newKey()}.0`, odd);
  await connection.request(`task.queued.odd.${newKey()}.0`, Buffer.from([0xff, 0xfe, 0x00]));
  await source.writer.appendAll(lifeOfNow('hello'));
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await source[Symbol.asyncDispose]();
});

afterEach(() => bench.removeLog());

test('An export takes the place of a file, and of nothing else', async () => {
  const file = bench.path('taken.ndjson');
  await writeFile(file, 'an older one');
  await writeFile(`${file}.part`, 'what somebody else has there');
  const before = await readdir(dirname(file));
  await replayed(source.log, '--export', file, '--until', '8');
  expect(await readFile(file, 'utf8')).toMatch(/^\{"export"/);
  expect(await readFile(`${file}.part`, 'utf8')).toBe('what somebody else has there');
  expect(await readdir(dirname(file))).toEqual(before);
  const folder = bench.path('a-folder');
  await mkdir(folder);
  const socket = createServer().listen(bench.path('a-socket'));
  await once(socket, 'listening');
  for (const place of [folder, bench.path('a-socket')]) {
    await expect(replayed(source.log, '--export', place, '--until', '8')).rejects.toThrow(/is no file$/);
    expect((await stat(place)).isFile()).toBe(false);
  }
  socket.close();
});

test('An export through a link, such as /dev/stdout, takes the place of the file behind it', async () => {
  const [file, link] = [bench.path('behind.ndjson'), bench.path('link.ndjson')];
  await writeFile(file, 'an older one');
  await symlink('behind.ndjson', link);
  await replayed(source.log, '--export', link, '--until', '8');
  expect(await readFile(file, 'utf8')).toMatch(/^\{"export"/);
  expect(await readlink(link)).toBe('behind.ndjson');
});

describe('an export that is imported', () => {
  it.each([
    ['plain', 'log.ndjson'],
    ['gzip', 'log.ndjson.gz'],
    ...(hasZstd ? [['zstd', 'log.ndjson.zst']] : []),
  ])('is the same log, byte for byte, and exports to the same file: %s', async (_, name = '') => {
    const file = bench.path(name);
    await replayed(source.log, '--export', file);
    expect(await bench.import(file)).toMatch(/^imported 53 records, events 1 to 53, from/);
    const log = await bench.log();
    await replayed(log, '--export', bench.path(`again-${name}`));
    expect(await readFile(bench.path(`again-${name}`))).toEqual(await readFile(file));
    const verdict = (of: typeof log) => replayed(of, '--verify', '--skip-outputs', '--json');
    expect(await verdict(log)).toEqual(await verdict(source.log));
    expect(await log?.extent()).toEqual(await source.log.extent());
  });

  test('goes on where it ends: the next event has the next sequence', async () => {
    const file = bench.path('whole.ndjson');
    await replayed(source.log, '--export', file);
    await bench.import(file);
    const log = await bench.log();
    const { last } = await source.log.extent();
    expect(await log?.append(lifeOf('hello')[0] as never)).toBe(last + 1);
  });

  test('begins at the sequence at which it was exported', async () => {
    const file = bench.path('late.ndjson');
    await replayed(source.log, '--export', file, '--from', '20', '--until', '31');
    await bench.import(file);
    const log = await bench.log();
    expect(await log?.extent()).toEqual({ first: 20, held: 20, last: 31 });
    expect((await replayed(log, '--verify', '--skip-outputs')).code).toBe(0);
    const [gap] = (await replayed(log, '--json')).lines;
    expect(gap).toBe('{"gap":{"from":1,"to":19}}');
  });

  test('may be some tasks alone: they keep their sequences, and what is missing between them is no fault', async () => {
    const file = bench.path('tasks.ndjson');
    const [first, , third] = keys;
    await replayed(source.log, '--export', file, '--task', first as string, '--task', third as string);
    expect(await bench.import(file)).toMatch(/^imported 12 records, events 1 to 18, from/);
    const log = await bench.log();
    await replayed(log, '--export', bench.path('tasks-again.ndjson'));
    expect(await linesIn(bench.path('tasks-again.ndjson'))).toEqual(await linesIn(file));
    expect(await replayed(log, '--verify', '--skip-outputs')).toMatchObject({ code: 0 });
    expect((await replayed(log, '--json')).lines[6]).toBe('{"gap":{"from":7,"to":12}}');
  });

  test('is found by the dates of its events, not by that of the import', async () => {
    const file = bench.path('dates.ndjson');
    await replayed(source.log, '--export', file);
    await bench.import(file);
    const log = await bench.log();
    const dates = (await linesIn(file)).flatMap((line) => /"at":"([^"]+)"/.exec(line)?.[1] ?? []);
    for (const date of [...dates, '2020-01-01', '2100-01-01'])
      expect([date, await log?.locate(date)]).toEqual([date, await source.log.locate(date)]);
  });
});

describe('what is not imported', () => {
  const sealed = (lines: readonly string[]): string => {
    const text = lines.map((line) => `${line}\n`).join('');
    const sha256 = createHash('sha256').update(text).digest('hex');
    return `${text}{"end":{"records":${lines.length - 1},"sha256":"${sha256}"}}\n`;
  };
  const line = (seq: number, subject: string) =>
    `{"seq":${seq},"stored":"2026-11-24T20:00:00.000000+00:00","subject":"${subject}","data":{}}`;
  const HEAD = '{"export":{"format":1,"part":false}}';
  const place = `task.queued.hello.${newKey()}.0`;

  it.each([
    ['an empty file', '', /is not an export of a log: it is empty/],
    ['any text', 'a,b,c\n1,2,3\n', /does not begin with \{"export":…\}/],
    ['any bytes', Buffer.from([0, 255, 254, 10]), /it is not text/],
    [
      'an export of a later format',
      '{"export":{"format":2,"part":false}}\n',
      /is of format 2, .* reads format 1/,
    ],
    ['a line without a line end', `${HEAD}\n${'x'.repeat(1_500_000)}`, /line 2 .* is too long/],
    ['a line that is too long', `${HEAD}\n${'x'.repeat(1_000_001)}\n`, /line 2 .* is too long/],
    [
      'what is not UTF-8',
      Buffer.concat([Buffer.from(`${HEAD}\n`), Buffer.from([255, 10])]),
      /line 2 .* is not UTF-8/,
    ],
    ['what is no record', sealed([HEAD, '{"seq":1}']), /line 2 .* is no record/],
    [
      'a sequence that comes again',
      sealed([HEAD, line(5, place), line(5, place)]),
      /line 3 .* has the sequence 5 after 5/,
    ],
    [
      'a subject outside of the log',
      sealed([HEAD, line(1, '$JS.API.STREAM.DELETE.TASKS')]),
      /is not a subject of a log/,
    ],
    ['a subject that is a pattern', sealed([HEAD, line(1, 'task.>')]), /is not a subject of a log/],
    [
      'a hole that is too wide',
      sealed([HEAD, line(1, place), line(900_000_000_000_000, place)]),
      /line 3 .* skips more than 100000000 sequences/,
    ],
    ['a file without its end', `${HEAD}\n${line(1, place)}\n`, /has been cut off/],
    ['what comes after the end', `${sealed([HEAD])}${line(1, place)}\n`, /line 3 .* comes after the end/],
    [
      'a file that lacks a record',
      sealed([HEAD, line(1, place)]).replace(`${line(1, place)}\n`, ''),
      /is not as it was written/,
    ],
  ])('%s: says what is wrong, and leaves no log', async (_, text, words) => {
    const file = bench.path('wrong.ndjson');
    await writeFile(file, text);
    const refusal = await bench.import(file).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(FileProblem);
    expect((refusal as Error).message).toMatch(words);
    expect(await bench.streams()).toEqual([]);
  });

  test('a file that was cut off anywhere, or of which one character was changed', async () => {
    const file = bench.path('whole.ndjson');
    await replayed(source.log, '--export', file, '--until', '8');
    const whole = await readFile(file);
    const damaged = bench.path('damaged.ndjson');
    for (let at = 0; at < whole.length; at += 97) {
      await writeFile(damaged, whole.subarray(0, at));
      await expect(bench.import(damaged)).rejects.toThrow(FileProblem);
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 1;
      await writeFile(damaged, changed);
      await expect(bench.import(damaged)).rejects.toThrow(FileProblem);
    }
    expect(await bench.streams()).toEqual([]);
  });

  test('a compressed file that was cut off, or is none, or is not there', async () => {
    const file = bench.path('log.gz');
    await replayed(source.log, '--export', file);
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, whole.length - 20));
    await expect(bench.import(file)).rejects.toThrow(/^cannot read .*unexpected end of file/);
    await writeFile(file, 'no gzip at all');
    await expect(bench.import(file)).rejects.toThrow(/^cannot read .*incorrect header check/);
    await expect(bench.import(bench.path('missing'))).rejects.toThrow(/^cannot read .*no such file/);
    expect(await bench.streams()).toEqual([]);
  });

  test('anything, where there is a log already, which stays as it is', async () => {
    const file = bench.path('first.ndjson');
    await replayed(source.log, '--export', file, '--until', '8');
    await bench.import(file);
    await expect(bench.import(file)).rejects.toThrow('the log is not empty, its last event is 8');
    expect((await (await bench.log())?.extent())?.last).toBe(8);
  });

  test('anything, where the archive of a log that is gone would take it for that', async () => {
    const file = bench.path('archived.ndjson');
    await replayed(source.log, '--export', file, '--until', '8');
    const settings = { ...bench.config, ARCHIVE_DAYS: 30 };
    const log = await JetStreamLog.open(bench.connection, settings, createLogger('test', bench.config));
    await log.append(lifeOf('hello')[0] as Append);
    const manager = await jetstreamManager(bench.connection);
    const archived = () => manager.streams.info('ARCHIVE').then(({ state }) => state.messages);
    await until(async () => (await archived()) === 1);
    await manager.streams.delete('TASKS');
    await expect(bench.import(file)).rejects.toThrow(
      'the stream ARCHIVE is the archive of a log that is gone',
    );
    expect(await archived()).toBe(1);
  });

  test.skipIf(hasZstd)('zstd where Node has none: it says which Node has', () => {
    expect(() => readReplayOptions(['--import', 'log.zst'])).toThrow(/zstd needs Node 22\.15 or later/);
    expect(() => readReplayOptions(['--export', 'log.zst'])).toThrow(/zstd needs Node 22\.15 or later/);
  });
});

test('an import that was cut off is no log, and is begun again by the next one', async () => {
  const { config } = source.server;
  const cutOff = await JetStreamImport.begin(bench.connection, config, {
    first: 1,
    isPart: false,
    signal: never,
  });
  await cutOff.store({
    seq: 3,
    subject: `task.queued.hello.${newKey()}.0`,
    bytes: Buffer.from('{}'),
    storedAtMs: 1,
  });
  await expect(bench.log()).rejects.toThrow(UnfinishedImport);
  const file = bench.path('again.ndjson');
  await replayed(source.log, '--export', file);
  await bench.import(file);
  expect(await (await bench.log())?.extent()).toEqual(await source.log.extent());
  // The one that was cut off lives after all: it takes nothing away.
  await cutOff.abandon();
  expect(await bench.streams()).toEqual(['TASKS']);
});

describe('an export of which the log let go while it was read', () => {
  const TASKS = 400;
  let aging: Stage;
  let file: string;
  let printed: string[];

  let hasGone = false;
  let answers = 0;

  /**
   * The log, which lets go of all but its last events when its first page has been read. From then on it does not answer
   * who asks only once.
   */
  const lettingGo = (log: JetStreamLog): JetStreamLog =>
    new Proxy(log, {
      get: (of, name) => {
        const value = Reflect.get(of, name);
        if (name === 'readRecords') return readRecords;
        if (hasGone && answers++ % 2 === 0) return () => Promise.reject(new LogUnavailable('away'));
        return typeof value === 'function' ? value.bind(of) : value;
      },
    });
  async function* readRecords(options: ReadOptions) {
    for await (const page of aging.log.readRecords(options)) {
      yield page;
      if (!hasGone && page.entries.length > 0) await aging.purge(TASKS * 6 - 50);
      hasGone ||= page.entries.length > 0;
    }
  }

  beforeAll(async () => {
    aging = await openStage();
    for (let count = 0; count < TASKS; count += 100)
      await aging.writer.appendAll(Array.from({ length: 100 }, () => lifeOfNow('hello')).flat());
    file = bench.path('aging.ndjson');
    printed = (await replayed(lettingGo(aging.log), '--export', file)).lines;
  });
  afterAll(() => aging[Symbol.asyncDispose]());

  const endOf = async (path: string) => JSON.parse((await linesIn(path)).at(-1) as string).end;

  it('says what has gone, in its last lines and in the file', async () => {
    const { records, lost } = await endOf(file);
    const [{ from, to }] = lost;
    expect(to).toBe(TASKS * 6 - 51);
    expect(records).toBe(TASKS * 6 - (to - from + 1));
    expect(printed).toEqual([
      `events ${from} to ${to} have left the log before they were read`,
      `wrote ${records} records to ${file}`,
    ]);
  });

  it('is legal where it is imported, and stays so in an export of that', async () => {
    await bench.import(file);
    const log = await bench.log();
    expect(await replayed(log, '--verify', '--skip-outputs')).toMatchObject({ code: 0 });
    const again = bench.path('aging-again.ndjson');
    const { lines } = await replayed(log, '--export', again, '--json');
    expect(await readFile(again)).toEqual(await readFile(file));
    const { records, lost } = await endOf(file);
    expect(lines).toEqual([JSON.stringify({ records, file: again, lost })]);
  });

  it('excuses nothing else: neither without a word of it, nor beside what is named', async () => {
    const { lost } = await endOf(file);
    const [{ from, to }] = lost;
    for (const said of ['', `,"lost":[{"from":${from + 1},"to":${to}}]`]) {
      const text = (await readFile(file, 'utf8')).replace(`,"lost":${JSON.stringify(lost)}`, said);
      await writeFile(bench.path('less.ndjson'), text);
      await bench.removeLog();
      await bench.import(bench.path('less.ndjson'));
      const { code, lines } = await replayed(await bench.log(), '--verify', '--skip-outputs');
      expect(code).toBe(1);
      expect(lines[0]).toContain(`events ${from} to ${to} are missing from the log`);
    }
  });

  it.each([
    '{}',
    '[null]',
    '[{"from":0,"to":4}]',
    '[{"from":5,"to":4}]',
    '[{"from":5,"to":9},{"from":8,"to":9}]',
  ])('is not read with nonsense about it: %s', async (nonsense) => {
    const { lost } = await endOf(file);
    const text = (await readFile(file, 'utf8')).replace(JSON.stringify(lost), nonsense);
    await writeFile(bench.path('nonsense.ndjson'), text);
    await expect(bench.import(bench.path('nonsense.ndjson'))).rejects.toThrow(FileProblem);
  });
});

describe('a log that holds few events', () => {
  const settings = () => ({ ...bench.config, MAX_LOG_EVENTS: 1_000, MAX_LOG_BYTES: 16_000_000 });
  const begin = () =>
    JetStreamImport.begin(bench.connection, settings(), { first: 1, isPart: true, signal: never });
  const recordAt = (seq: number) => ({
    seq,
    subject: `task.queued.hello.${newKey()}.0`,
    bytes: Buffer.from('{}'),
    storedAtMs: 1,
  });

  it('takes an export with as many, whatever is missing between them, and holds no more then', async () => {
    const log = await begin();
    for (let seq = 1; seq < 1_000; seq++) await log.store(recordAt(seq));
    await log.store(recordAt(60_000));
    await log.finish();
    const manager = await jetstreamManager(bench.connection);
    const { config, state } = await manager.streams.info('TASKS');
    expect(state).toMatchObject({ messages: 1_000, last_seq: 60_000 });
    expect(config.max_msgs).toBe(1_000);
  });

  it('takes no more than it is to hold', async () => {
    const log = await begin();
    for (let seq = 1; seq <= 1_000; seq++) await log.store(recordAt(seq));
    await expect(log.store(recordAt(1_001))).rejects.toThrow('the log is full: it takes 1000 records');
    await log.abandon();
  });
});
