import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { encodeEvent, hashOf } from '../../src/log/envelope.ts';
import type { EventLog } from '../../src/log/log.ts';
import type { LogRecord } from '../../src/log/reading.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { type Illegal, Verifier } from '../../src/replay/verifier.ts';
import { canceled, completed, date, failed, progress, queued, retried, started } from '../actors/events.ts';

/** A key that was made when the histories of these tests begin. */
const KEY = '01MCC5RM00PH8E2RX7S7QX1T2A';
/** And one of an hour later. */
const LATER = '01MCC975K0PH8E2RX7S7QX1T2C';
const STORED = Date.parse(date(100));

interface Line {
  subject: string;
  bytes: Buffer;
}

/** Each event names the one before it, as one worker after the other would write them. */
const chain = (...events: TaskEvent[]): Line[] => chainOf(KEY, ...events);

function chainOf(key: string, ...events: TaskEvent[]): Line[] {
  let prev: string | undefined;
  return events.map((event) => {
    const bytes = encodeEvent(event, prev).bytes;
    prev = hashOf(bytes);
    return { subject: subjectOf('hello', key, event), bytes };
  });
}

async function verify(
  lines: readonly (Line & Partial<Pick<LogRecord, 'seq' | 'storedAtMs'>>)[],
  { beginsLate = false, tellsGaps = false, maxEnded = 50_000 } = {},
) {
  const found: Illegal[] = [];
  const records: LogRecord[] = lines.map((line, index) => ({ seq: index + 1, storedAtMs: STORED, ...line }));
  async function* readRecords({ through = 0, keys = [] }: { through?: number; keys?: string[] }) {
    const isOf = ({ seq, subject }: LogRecord) => seq <= through && keys.some((key) => subject.includes(key));
    yield { entries: records.filter(isOf), through };
  }
  let last = (records[0]?.seq ?? 1) - 1;
  const verifier = new Verifier({
    log: { readRecords } as unknown as EventLog,
    signal: new AbortController().signal,
    beginsLate,
    maxEnded,
    isWanted: () => true,
    tell: (illegal) => found.push(illegal),
  });
  for (const record of records) {
    if (tellsGaps && record.seq > last + 1) verifier.gap(last + 1, record.seq - 1, true);
    last = record.seq;
    await verifier.judge(record);
  }
  return { found, summary: verifier.summary() };
}
const kinds = async (lines: readonly Line[]): Promise<string[]> =>
  (await verify(lines)).found.map(({ seq, key, kind }) => `${seq} ${kind} ${key === KEY}`);
const changed = (line: Line, from: string, to: string): Line => ({
  ...line,
  bytes: Buffer.from(line.bytes.toString().replace(from, to)),
});

describe('a legal log', () => {
  it.each([
    ['a task that runs', chain(queued(), started(1), progress(1, 5), progress(1, 9), completed(1))],
    ['a task that waits', chain(queued())],
    ['a refused task', chain(queued(), failed(0))],
    ['a task that is tried again', chain(queued(), started(1), retried(1), started(2), completed(2))],
    ['a task whose worker died', chain(queued(), started(1), started(2), started(3), failed(3))],
    ['a canceled task', chain(queued(), started(1), canceled(1))],
    [
      'a task of a host whose clock is a little ahead',
      chain(queued(50), started(1, 150), completed(1, 'x', 150)),
    ],
  ])('has nothing illegal: %s', async (_, lines) => {
    expect((await verify(lines)).found).toEqual([]);
  });

  it('may have late events, and those of an attempt that was over', async () => {
    const lines = chain(
      queued(),
      started(1),
      started(2),
      progress(1, 50, 2),
      completed(2),
      progress(1, 90, 2),
      retried(1, 2),
    );
    expect(await verify(lines)).toMatchObject({
      found: [],
      summary: { events: 7, tasks: 1, late: 2, stale: 1 },
    });
  });

  it('may be a tree: several events name the same one', async () => {
    const [first, second] = chain(queued(), started(1)) as [Line, Line];
    const follow = (event: TaskEvent): Line => ({
      subject: subjectOf('hello', KEY, event),
      bytes: encodeEvent(event, hashOf(second.bytes)).bytes,
    });
    const lines = [first, second, follow(progress(1, 5)), follow(started(2)), follow(completed(2))];
    expect((await verify(lines)).found).toEqual([]);
  });

  it('may be of version 1, without any hash', async () => {
    const lines = chain(queued(), started(1), completed(1)).map(({ subject, bytes }) => {
      const { prev: _, ...record } = JSON.parse(bytes.toString());
      return { subject, bytes: Buffer.from(JSON.stringify({ ...record, v: 1 })) };
    });
    expect((await verify(lines)).found).toEqual([]);
  });

  it('may have let go of the beginning of a task', async () => {
    const lines = chain(queued(), started(1), progress(1, 5), completed(1)).slice(2);
    expect((await verify(lines, { beginsLate: true })).found).toEqual([]);
    expect((await verify(lines)).found.map(({ kind }) => kind)).toEqual(['beginning']);
  });

  it('may lack the beginning of a task, or its midst, where its archive has a hole', async () => {
    const [first, ...rest] = chain(queued(), started(1), progress(1, 5), completed(1)) as [Line, ...Line[]];
    const request = { subject: 'turn.acme', bytes: Buffer.from('{}') };
    const at = (seq: number) => (line: Line, index: number) => ({ ...line, seq: seq + index });
    const tellsGaps = true;
    expect((await verify([request, ...rest.map(at(50))], { tellsGaps })).found).toEqual([]);
    expect((await verify([first, ...rest.slice(1).map(at(50))], { tellsGaps })).found).toEqual([]);
    const [, ...second] = chain(queued(), started(1), started(2), completed(2)) as [Line, ...Line[]];
    expect(
      (await verify([...second.slice(0, 1), ...second.slice(2).map(at(50))], { tellsGaps, beginsLate: true }))
        .found,
    ).toEqual([]);
  });
});

describe('of an illegal log', () => {
  const life = () => chain(queued(), started(1), progress(1, 5), completed(1)) as [Line, Line, Line, Line];

  it('a changed event is named', async () => {
    const lines = life();
    const { found } = await verify([lines[0], changed(lines[1], '"w1"', '"w2"'), lines[2], lines[3]]);
    expect(found).toMatchObject([{ seq: 3, key: KEY, kind: 'chain' }]);
    expect(found[0]?.description).toContain('event 2 (started) has been changed');
  });

  it('a missing event is named', async () => {
    const [first, second, , last] = life();
    const { found } = await verify(
      [first, second, last].map((line, index) => ({ ...line, seq: [1, 2, 4][index] as number })),
    );
    expect(found).toMatchObject([{ seq: 4, kind: 'chain' }]);
    expect(found[0]?.description).toContain('one between 2 and 4 is missing');
  });

  it('another account is found behind a gap, too', async () => {
    const [first, second] = chain(queued(), { ...started(1), account: 'other' }) as [Line, Line];
    const { found } = await verify([first, { ...second, seq: 50 }], { tellsGaps: true });
    expect(found).toMatchObject([{ seq: 50, kind: 'account' }]);
  });

  it('a beginning behind other events of its task is found, though the log has let go of what was before', async () => {
    const [first, second] = chain(queued(), started(1)) as [Line, Line];
    const { found } = await verify([second, first], { beginsLate: true });
    expect(found).toMatchObject([{ seq: 2, kind: 'beginning' }]);
  });

  it('a missing beginning is found though the log has let go of others, if its task was made after that', async () => {
    const [, cut] = chain(queued(), failed(0)) as [Line, Line];
    const [, late] = chainOf(LATER, queued(3_600), started(1, 3_601)) as [Line, Line];
    const { found } = await verify([cut, { ...late, storedAtMs: Date.parse(date(3_700)) }], {
      beginsLate: true,
    });
    expect(found).toMatchObject([{ seq: 2, key: LATER, kind: 'beginning' }]);
  });

  it('an attempt that never started is found, though the log has let go of those before', async () => {
    const lines = chain(queued(), started(1), started(2), progress(2, 5), completed(3, 'x', 2)).slice(3);
    expect((await verify(lines, { beginsLate: true })).found).toMatchObject([{ seq: 2, kind: 'attempt' }]);
  });

  it('a hash that was left out is found', async () => {
    const lines = life();
    expect(
      await kinds([
        lines[0],
        changed(lines[1], /"prev":"[^"]*",/.exec(lines[1].bytes.toString())?.[0] as string, ''),
      ]),
    ).toEqual(['2 chain true']);
  });

  it('a second beginning is found however long ago its task ended', async () => {
    const others = Array.from({ length: 9 }, (_, index) =>
      chainOf(`${KEY.slice(0, -1)}${index}`, queued(), failed(0)),
    ).flat();
    const [again] = chain(queued()) as [Line];
    const { found, summary } = await verify([...life(), ...others, again], { maxEnded: 3 });
    expect(found).toMatchObject([{ seq: 23, key: KEY, kind: 'beginning' }]);
    expect(summary).toMatchObject({ tasks: 10, events: 23 });
  });

  it('a beginning that names an event before it is found', async () => {
    const [first] = life();
    const bytes = encodeEvent(queued(), hashOf(first.bytes)).bytes;
    expect(await kinds([{ ...first, bytes }])).toEqual(['1 chain true']);
  });

  it.each<[string, Line[], string[]]>([
    ['a second end', chain(queued(), started(1), completed(1), failed(1)), ['4 end true']],
    ['a second beginning', chain(queued(), started(1), queued()), ['3 beginning true']],
    ['an attempt that was left out', chain(queued(), started(2)), ['2 attempt true']],
    ['an attempt that never started', chain(queued(), started(1), completed(2)), ['3 attempt true']],
    ['an end of a task that nobody started', chain(queued(), completed(1)), ['2 attempt true']],
    ['dates that run backwards', chain(queued(50), started(1, 20)), ['2 time true']],
    ['a date from the future', chain(queued(), started(1, 500)), ['2 time true']],
    ['a beginning with another date than its key', chain(queued(90)), ['1 time true']],
    [
      'a delay that was over before it began',
      chain(queued(), started(1, 90), { ...retried(1, 90), next: date(20) } as TaskEvent),
      ['3 time true'],
    ],
    ['another account', chain(queued(), { ...started(1), account: 'other' }), ['2 account true']],
    [
      'an event at the place of another',
      chain(queued(), started(1)).map((line) => ({ ...line, subject: line.subject.replace('.1', '.7') })),
      ['2 place true'],
    ],
    [
      'what is not an event',
      [{ subject: `task.queued.hello.${KEY}.0`, bytes: Buffer.from('{"v":2') }],
      ['1 unreadable false'],
    ],
    [
      'a version that nobody knows',
      [changed(chain(queued())[0] as Line, '"v":2', '"v":9')],
      ['1 unreadable false'],
    ],
    ['no beginning', chain(queued(), started(1)).slice(1), ['1 beginning true']],
  ])('%s is found', async (_, lines, expected) => {
    expect(await kinds(lines)).toEqual(expect.arrayContaining(expected));
  });

  it('nothing that was changed escapes, but the last event that nothing follows', async () => {
    const lines = life();
    for (const index of [0, 1, 2]) {
      const tampered = lines.map((line, at) =>
        at === index ? changed(line, '"account"', ' "account"') : line,
      );
      expect((await verify(tampered)).summary.illegal).toBe(1);
    }
  });

  it('and of every log the digest says whether it is the same', async () => {
    const lines = life();
    const { digest } = (await verify(lines)).summary;
    expect((await verify(lines)).summary.digest).toBe(digest);
    const last = changed(lines[3], 'Hello John', 'Hello Jane');
    expect((await verify([...lines.slice(0, 3), last])).summary.digest).not.toBe(digest);
  });
});
