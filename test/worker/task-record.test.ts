import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { decodeEvent, hashOf } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import { type Append, type EventLog, EventRefused, LogConflict, LogUnavailable } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import type { Past } from '../../src/worker/plan.ts';
import { liveTask } from '../../src/worker/task-life.ts';
import { TaskRecord } from '../../src/worker/task-record.ts';
import { completed, queued } from '../actors/events.ts';

/** Answers the appends as it is told to, in their order, and then stores all. */
function scriptedLog(prefersGroups: boolean, ...answers: readonly (Error | 'store')[]) {
  const tried: Append[] = [];
  const stored: Append[] = [];
  const appendInOrder = async (entries: readonly Append[]): Promise<number> => {
    for (const [index, entry] of entries.entries()) {
      const answer = answers[tried.push(entry) - 1];
      if (answer instanceof LogConflict) return index;
      if (answer instanceof Error) throw answer;
      stored.push(entry);
    }
    return entries.length;
  };
  const untilDurable = async (): Promise<void> => {};
  return {
    log: { appendInOrder, untilDurable, prefersGroups } as Partial<EventLog> as EventLog,
    tried,
    stored,
  };
}

const place = { name: 'hello', key: newKey() };
const begin = (log: EventLog): TaskRecord => {
  const past: Past = { events: [queued()], last: hashOf(seal(place, queued()).bytes) };
  return new TaskRecord({ log, logger: pino({ level: 'silent' }) }, place, past, liveTask(past));
};

const STARTED = { type: 'started', attempt: 1, worker: 'w' } as const;
const { at: _, account: __, ...COMPLETED } = completed(1);
const progress = (value: number) => ({ type: 'progress', attempt: 1, progress: value }) as const;

const read = ({ name, key, event, bytes }: Append) => decodeEvent(subjectOf(name, key, event), bytes, 1);
/** Which event each one names: its type, with the progress reported. */
const named = (stored: readonly Append[]): string[] => {
  const labels = new Map(
    stored.map((entry) => [
      hashOf(entry.bytes),
      entry.event.type === 'progress' ? `progress ${entry.event.progress}` : entry.event.type,
    ]),
  );
  return stored.map((entry) => labels.get(read(entry).prev ?? '') ?? 'queued');
};

describe.each([false, true])(
  'what a worker writes of a task (a log that prefers groups: %s)',
  (prefersGroups) => {
    it('has no date before the one of the event before it, though its clock be behind', async () => {
      const { log, stored } = scriptedLog(prefersGroups);
      const record = begin(log);
      void record.add(STARTED);
      await record.end(COMPLETED);
      // The history of these tests begins in 2027.
      expect(queued().at > new Date().toISOString()).toBe(true);
      expect(stored.map(({ event }) => event.at)).toEqual([queued().at, queued().at]);
    });

    it('names, with each event, the one before it', async () => {
      const { log, stored } = scriptedLog(prefersGroups);
      const record = begin(log);
      void record.add(STARTED);
      void record.add(progress(50));
      expect(await record.end(COMPLETED)).toBe(true);
      expect(stored.map(({ event }) => event.type)).toEqual(['started', 'progress', 'completed']);
      expect(named(stored)).toEqual(['queued', 'started', 'progress 50']);
    });

    it('names no progress that did not reach the log', async () => {
      const { log, stored } = scriptedLog(prefersGroups, 'store', 'store', new LogUnavailable('away'));
      const record = begin(log);
      void record.add(STARTED);
      void record.add(progress(10));
      void record.add(progress(20));
      await record.end(COMPLETED);
      expect(named(stored)).toEqual(['queued', 'started', 'progress 10']);
    });

    it('is the same event when it is tried again, so that the log can tell that it had it already', async () => {
      const { log, tried } = scriptedLog(
        prefersGroups,
        new LogUnavailable('away'),
        new LogUnavailable('away'),
      );
      expect(await begin(log).add(STARTED)).toBe(true);
      expect(new Set(tried.map(({ id }) => id)).size).toBe(1);
      expect(tried).toHaveLength(3);
    });

    it('ends with the attempt that another worker has: nothing more is written, and the task has not ended', async () => {
      const { log, tried } = scriptedLog(prefersGroups, new LogConflict('taken'));
      const record = begin(log);
      const started = record.add(STARTED);
      void record.add(progress(50));
      expect(await record.end(COMPLETED)).toBe(false);
      expect(await started).toBe(false);
      expect(tried).toHaveLength(1);
    });

    it('is refused alone, if the log will never take it', async () => {
      const { log, stored } = scriptedLog(
        prefersGroups,
        'store',
        new EventRefused('too large'),
        'store',
        new EventRefused('too large'),
      );
      const record = begin(log);
      const started = record.add(STARTED);
      await expect(record.end(COMPLETED)).rejects.toBeInstanceOf(EventRefused);
      expect(await started).toBe(true);
      expect(new Set(stored.map(({ event }) => event.type))).toEqual(new Set(['started']));
    });

    it('has ended when another end was first', async () => {
      const { log } = scriptedLog(prefersGroups, 'store', new LogConflict('taken'));
      const record = begin(log);
      void record.add(STARTED);
      expect(await record.end(COMPLETED)).toBe(true);
    });
  },
);
