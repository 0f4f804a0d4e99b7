import { describe, expect, it, test } from 'vitest';
import { StatusView } from '../../src/front/status-view.ts';
import { decodeEvent, SCHEMA_VERSION, type StoredEvent } from '../../src/log/envelope.ts';
import type { EventLog } from '../../src/log/log.ts';
import { foldHistory, isEnded } from '../../src/projection/state.ts';
import { type Illegal, Verifier } from '../../src/replay/verifier.ts';
import { recordedLogs } from './fixtures.ts';
import { PUBLIC_URL, recordLog } from './record.ts';

const view = new StatusView(PUBLIC_URL);

it('keeps a recorded log of every older version of the schema', () => {
  const versions = recordedLogs.map(({ version }) => version);
  expect(versions).toEqual(
    expect.arrayContaining(Array.from({ length: SCHEMA_VERSION - 1 }, (_, i) => i + 1)),
  );
});

describe.each(recordedLogs)('a log of version $version', ({ version, records, statuses }) => {
  const events = records.map(({ subject, data, seq }) => decodeEvent(subject, Buffer.from(data), seq));
  const historyOf = (key: string): StoredEvent[] => events.filter((event) => event.key === key);

  it('is of that version throughout, with every kind of event in it', () => {
    expect(new Set(records.map(({ data }) => JSON.parse(data).v))).toEqual(new Set([version]));
    expect(new Set(events.map(({ event }) => event.type))).toEqual(
      new Set(['queued', 'started', 'progress', 'retried', 'completed', 'failed', 'canceled']),
    );
  });

  it('is legal, and its chain of hashes whole', async () => {
    const found: Illegal[] = [];
    const verifier = new Verifier({
      log: {} as EventLog,
      signal: new AbortController().signal,
      beginsLate: false,
      isWanted: () => true,
      tell: (illegal) => found.push(illegal),
    });
    for (const { seq, subject, data } of records) {
      const storedAtMs = Date.parse((JSON.parse(data) as { at: string }).at);
      await verifier.judge({ seq, subject, bytes: Buffer.from(data), storedAtMs });
    }
    expect(found).toEqual([]);
    expect(verifier.summary()).toMatchObject({ events: records.length, tasks: Object.keys(statuses).length });
  });

  it.each(Object.entries(statuses))('folds to the status that the task had: %s', (_, expected) => {
    const { key, attempts, late, task, task_metas, ...status } = expected;
    const history = historyOf(key);
    const state = foldHistory(history);
    if (!state) throw new Error('the task is not in the log');
    expect(JSON.parse(view.json(state))).toEqual({ key, ...status });
    expect(state.attempt).toBe(attempts);
    const [queued] = history.map(({ event }) => event);
    expect(queued).toMatchObject({ task, ...(Object.keys(task_metas).length > 0 && { task_metas }) });
    expect(history.some(({ seq }) => isEnded(state) && seq > state.seq)).toBe(late > 0);
  });
});

// To record what this very code writes, before the next version of the schema:
// RECORD_LOG=test/fixtures/vN npm test -- test/upgrade
const folder = process.env.RECORD_LOG;
if (folder) test('records a log', { timeout: 200_000 }, () => recordLog(folder));
