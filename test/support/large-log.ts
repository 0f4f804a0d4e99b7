import type { Queued, TaskEvent } from '../../actors/event.ts';
import { hashOf } from '../../src/log/envelope.ts';
import { formatDate, nowMicros } from '../../src/log/event-date.ts';
import { newKey } from '../../src/log/key.ts';
import type { Append, EventLog } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';

export interface LargeLog {
  /** Tasks that have ended: three events each. */
  readonly ended: number;
  /** Tasks that are queued for ever: of a name that no worker knows. */
  readonly open?: number;
  /** Of the ended tasks; `hello` by default, whose queued events the workers of a running service take up once more. */
  readonly name?: string;
}

const ACCOUNT = 'acme';
/** Events of one atomic batch, at most 1,000. */
const TASKS_AT_ONCE = 333;
const BATCHES_AT_ONCE = 3;

/**
 * Fills a log through its own port, so that what it writes is what the service writes: some 60 k events/s,
 * 50 s for a million tasks. The open tasks come last. Resolves with the last sequence.
 */
export async function fillLog(log: EventLog, { ended, open = 0, name = 'hello' }: LargeLog): Promise<number> {
  let left = { ended, open };
  let last = 0;
  const fillNext = async (): Promise<void> => {
    while (left.ended + left.open > 0) {
      const take = (of: number) => Math.min(TASKS_AT_ONCE, of);
      const isOpen = left.ended === 0;
      const count = isOpen ? take(left.open) : take(left.ended);
      left = isOpen ? { ...left, open: left.open - count } : { ...left, ended: left.ended - count };
      const stored = await log.appendAll(isOpen ? openTasks(count) : endedTasks(count, name));
      last = Math.max(last, stored);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, fillNext));
  return last;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const openTasks = (count: number): Append[] =>
  range(count).map((index) => seal({ name: 'nobody.knows', key: newKey() }, queued('nobody.knows', index)));

function endedTasks(count: number, name: string): Append[] {
  const first = range(count).map((index) => seal({ name, key: newKey() }, queued(name, index)));
  const after = (entries: readonly Append[], eventOf: (index: number) => TaskEvent): Append[] =>
    entries.map((entry, index) => seal(entry, eventOf(index), hashOf(entry.bytes)));
  const second = after(first, started);
  return [...first, ...second, ...after(second, completed)];
}

const now = (): string => formatDate(nowMicros());

const queued = (task_name: string, index: number): Queued => ({
  type: 'queued',
  at: now(),
  account: ACCOUNT,
  task: { task_name, name: `number ${index}`, url: `https://example.com/pictures/${index}.jpg` },
});

const started = (): TaskEvent => ({
  type: 'started',
  at: now(),
  account: ACCOUNT,
  attempt: 1,
  worker: 'machine-1234',
});

const completed = (index: number): TaskEvent => ({
  type: 'completed',
  at: now(),
  account: ACCOUNT,
  attempt: 1,
  result: `Hello number ${index}`,
  outputs: [],
  spent: { fetching: 0, running: 0.1, storing: 0 },
});
