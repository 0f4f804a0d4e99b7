import { describe, expect, it } from 'vitest';
import type { RawRecord } from '../support/raw-log.ts';
import { check, PROMISES, type PromiseName } from './checker.ts';
import type { Evidence } from './evidence.ts';
import type { Observation, SeenFeed, ToldEvent } from './observations.ts';
import { HELLO, KEYS, soundEvidence, statusAfter } from './sample-evidence.ts';

const sound = soundEvidence();

const seen = (change: (observation: Observation) => Observation | undefined): Evidence => ({
  ...sound,
  seen: sound.seen.flatMap((observation) => change(structuredClone(observation)) ?? []),
});

/** Changes the answer's body of the nth observation of a kind. */
const answering = (kind: Observation['kind'], nth: number, body: unknown, status = 200): Evidence => {
  let count = 0;
  return seen((observation) =>
    observation.kind === kind && count++ === nth
      ? { ...observation, answer: { at: observation.answer?.at ?? 0, status, body } }
      : observation,
  );
};

const feedOf = (change: (lines: SeenFeed['lines']) => SeenFeed['lines']): Evidence =>
  seen((observation) =>
    observation.kind === 'feed' ? { ...observation, lines: change(observation.lines) } : observation,
  );

const hearing = (change: (events: readonly ToldEvent[]) => readonly ToldEvent[]): Evidence => ({
  ...sound,
  told: sound.told.map(({ account, events }) => ({ account, events: change(events) })),
});

/** The log with other records, counted anew. */
const logged = (records: readonly RawRecord[]): Evidence => ({
  ...sound,
  records: records.map((record, index) => ({ ...record, seq: index + 1 })),
});

const without = (...words: readonly string[]): Evidence =>
  logged(sound.records.filter(({ subject }) => !words.every((word) => subject.includes(word))));

const record = (...words: readonly string[]): RawRecord =>
  sound.records.find(({ subject }) => words.every((word) => subject.includes(word))) as RawRecord;

const change = (target: RawRecord, data: object): Evidence =>
  logged(
    sound.records.map((one) =>
      one === target ? { ...one, data: JSON.stringify({ ...JSON.parse(one.data), ...data }) } : one,
    ),
  );

const status = (task: string, count: number) => statusAfter(sound.records, task, count);

/** Each promise, broken on purpose. */
const BROKEN: readonly (readonly [PromiseName, string, () => Evidence])[] = [
  [
    'nothing that was acknowledged is lost',
    'a task that was answered 200 is gone',
    () => without(KEYS.twice),
  ],
  [
    'nothing that was acknowledged is lost',
    'a task is stored as another one',
    () => change(record('queued', KEYS.hello), { task: { ...HELLO, name: 'Jane' } }),
  ],
  [
    'nothing that was acknowledged is lost',
    'a key is unknown to a front',
    () => answering('status', 0, { status: 'error' }, 404),
  ],
  ['a request is carried out whole or not at all', 'one of two tasks is stored', () => without(KEYS.thumb)],
  [
    'a request is carried out whole or not at all',
    'a request that was refused is stored',
    () => answering('create', 3, { status: 'error' }, 401),
  ],
  [
    'a request is carried out whole or not at all',
    'a repeated request is stored twice',
    () =>
      logged([
        ...sound.records,
        ...sound.records
          .filter(({ subject }) => subject.includes(KEYS.twice))
          .map(({ subject, ...rest }) => ({
            ...rest,
            subject: subject.replace(KEYS.twice, `${KEYS.twice.slice(0, -1)}Z`),
          })),
      ]),
  ],
  [
    'an Idempotency-Key has one answer',
    'the repeat is answered with other tasks',
    () => answering('create', 2, [{ ...status(KEYS.twice, 3), key: KEYS.hello }]),
  ],
  [
    'a task ends once',
    'two ends in the same place',
    () => logged([...sound.records, record('done', KEYS.hello)]),
  ],
  ['every task ends', 'a task stays open', () => without('done', KEYS.hello)],
  [
    'every history is legal',
    'the log has a hole',
    () => ({ ...sound, records: sound.records.filter(({ seq }) => seq !== 7) }),
  ],
  [
    'every history is legal',
    'an attempt is left out',
    () => change(record('started', KEYS.hello), { attempt: 2 }),
  ],
  ['every history is legal', 'an event that another one names is gone', () => without('started', KEYS.hello)],
  [
    'every history is legal',
    'an event is stored twice',
    () => logged([...sound.records, record('started', KEYS.hello)]),
  ],
  [
    'every status shown is a true one',
    'a status that never was',
    () => answering('status', 0, [{ ...status(KEYS.thumb, 2), progress: 50 }]),
  ],
  [
    'every status shown is a true one',
    'who waited is shown a task that runs',
    () =>
      seen((observation) =>
        observation.kind === 'status' && observation.keys.length === 1
          ? { ...observation, block: true }
          : observation,
      ),
  ],
  [
    'no status runs backwards',
    'an ended task is shown as executing later',
    () => answering('status', 1, [status(KEYS.thumb, 2), status(KEYS.hello, 2)]),
  ],
  ['no feed has a gap', 'a feed is closed before the end', () => feedOf((lines) => lines.slice(0, 2))],
  [
    'no feed has a gap',
    'a feed does not say that its task ran',
    () => feedOf((lines) => lines.filter((_, index) => index !== 1)),
  ],
  [
    'no feed has a gap',
    'a feed goes on after the end',
    () => feedOf((lines) => [...lines, ...lines.slice(-1)]),
  ],
  [
    'no feed has a gap',
    'a feed tells of a stranger’s task',
    () =>
      feedOf((lines) => [...lines.slice(0, 2), { at: 250, value: status(KEYS.thumb, 2) }, ...lines.slice(2)]),
  ],
  [
    'the history stream tells every event once',
    'an event was left out where the reader was cut off',
    () => hearing((events) => events.filter(({ seq }) => seq !== 6)),
  ],
  [
    'the history stream tells every event once',
    'an event was told again by the next front',
    () => hearing((events) => [...events.slice(0, 6), ...events.slice(5)]),
  ],
  [
    'the history stream tells every event once',
    'the last events never came',
    () => hearing((events) => events.slice(0, -1)),
  ],
  [
    'only the outputs of the winner are served',
    'the bytes of the attempt that lost',
    () =>
      seen((observation) =>
        observation.kind === 'file' ? { ...observation, sha256: '1'.repeat(64) } : observation,
      ),
  ],
  [
    'only the outputs of the winner are served',
    'an end that names the outputs of another attempt',
    () => change(record('done', KEYS.thumb), { attempt: 1 }),
  ],
  [
    'every output is there',
    'a file is missing at one front',
    () =>
      seen((observation) =>
        observation.kind === 'file' && observation.front === 1 ? undefined : observation,
      ),
  ],
  [
    'what was canceled is canceled',
    'the log knows of another end',
    () => change(record('done', KEYS.canceled), { type: 'failed', error: 'no' }),
  ],
  [
    'the counts of limits end at zero',
    'a count stays behind',
    () => ({ ...sound, probes: [{ front: 0, account: 'acme', full: 401, overfull: 401 }] }),
  ],
  [
    'the counts of limits end at zero',
    'a limit can be passed',
    () => ({ ...sound, probes: [{ front: 0, account: 'acme', full: 200, overfull: 200 }] }),
  ],
  ['no answer comes as a surprise', 'a 500', () => answering('status', 0, { status: 'error' }, 500)],
];

describe('the checker of the fault suite', () => {
  it('finds nothing in a run that kept every promise', () => {
    expect(check(sound)).toEqual([]);
  });

  it('leaves a feed alone that a fault has cut off', () => {
    const cut = seen((observation) =>
      observation.kind === 'feed'
        ? { ...observation, closed: 'cut', lines: observation.lines.slice(0, 2) }
        : observation,
    );
    expect(check(cut)).toEqual([]);
  });

  it.each(BROKEN)('sees where "%s" is broken: %s', (promise, _, evidence) => {
    expect(check(evidence()).map((violation) => violation.promise)).toContain(promise);
  });

  it('is shown each promise broken', () => {
    expect(new Set(BROKEN.map(([promise]) => promise))).toEqual(new Set(Object.keys(PROMISES)));
  });
});
