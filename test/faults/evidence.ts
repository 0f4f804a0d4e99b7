import type { TaskEvent } from '../../actors/event.ts';
import { StatusView } from '../../src/front/status-view.ts';
import { decodeEvent, type StoredEvent } from '../../src/log/envelope.ts';
import { isEventSubject } from '../../src/log/subject.ts';
import { fold, isEnded, type TaskState } from '../../src/projection/state.ts';
import type { RawRecord } from '../support/raw-log.ts';
import type { LimitProbe, Observation, Struck, ToldHistory } from './observations.ts';

/** All that a run left behind. */
export interface Evidence {
  readonly records: readonly RawRecord[];
  readonly seen: readonly Observation[];
  readonly told: readonly ToldHistory[];
  /** The log's last sequence when those histories were read to their end. */
  readonly toldUpTo: number;
  readonly probes: readonly LimitProbe[];
  readonly struck: readonly Struck[];
  readonly publicUrl: string;
}

/** One task as the log has it. */
export interface History {
  readonly key: string;
  readonly events: readonly StoredEvent[];
  readonly ends: readonly StoredEvent[];
  /** The statuses that the task had one after the other, as clients get them. */
  readonly statuses: readonly string[];
  /** What it came to; undefined if it has not ended. */
  readonly end: TaskState | undefined;
  /** The request that it came with, if it came from the workload. */
  readonly request: number | undefined;
}

const ENDS: readonly TaskEvent['type'][] = ['completed', 'failed', 'canceled'];

/** The events among the records of a log. One that cannot be read is an error of the run. */
export const eventsIn = (records: readonly RawRecord[]): StoredEvent[] =>
  records
    .filter(({ subject }) => isEventSubject(subject))
    .map(({ subject, data, seq }) => decodeEvent(subject, Buffer.from(data), seq));

/** The histories of a log, by key. */
export function historiesOf({ records, publicUrl }: Evidence): Map<string, History> {
  const byKey = new Map<string, StoredEvent[]>();
  for (const event of eventsIn(records)) {
    const history = byKey.get(event.key);
    if (history) history.push(event);
    else byKey.set(event.key, [event]);
  }
  const view = new StatusView(publicUrl);
  return new Map([...byKey].map(([key, events]) => [key, historyOf(view, key, events)]));
}

function historyOf(view: StatusView, key: string, events: readonly StoredEvent[]): History {
  const statuses: string[] = [];
  let state: TaskState | undefined;
  for (const event of events) {
    const before = state;
    state = fold(state, event);
    if (state && state !== before) statuses.push(view.json(state));
  }
  const queued = events[0]?.event;
  const request = queued?.type === 'queued' ? queued.task_metas?.request : undefined;
  return {
    key,
    events,
    statuses,
    ends: events.filter(({ event }) => ENDS.includes(event.type)),
    end: state && isEnded(state) ? state : undefined,
    request: typeof request === 'number' ? request : undefined,
  };
}
