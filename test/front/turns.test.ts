import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Limits } from '../../src/accounts/limits.ts';
import { RequestError } from '../../src/front/request-error.ts';
import { Turns } from '../../src/front/turns.ts';
import type { NewCreateRecord } from '../../src/log/creates.ts';
import { eventDate } from '../../src/log/event-date.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { type Append, LogConflict } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { Projection } from '../../src/projection/projection.ts';
import { queued } from '../actors/events.ts';
import { TestLog } from '../support/nats.ts';

const LIMIT = 25;

/** What of a front has to do with turns. */
interface Front {
  readonly log: JetStreamLog;
  readonly projection: Projection;
  readonly turns: Turns;
  lost: number;
}

let server: TestLog;
let one: Front;
let two: Front;
beforeAll(async () => {
  server = await TestLog.start();
  one = await openFront();
  two = await openFront();
});
afterAll(async () => {
  await Promise.all([one, two].map(({ projection }) => projection.close()));
  await server[Symbol.asyncDispose]();
});

async function openFront(): Promise<Front> {
  const { log } = await server.open();
  const limits = new Limits(() => ({ active_tasks: LIMIT }));
  const projection = new Projection({
    log,
    logger: pino({ level: 'silent' }),
    onChange: (state, { type }) => {
      if (type === 'queued') limits.queued(state.account, Date.parse(state.queued));
    },
  });
  await projection.start();
  const front = { log, projection, lost: 0 };
  const turns = new Turns({ creates: log, projection, limits, onLost: () => void front.lost++ });
  return Object.assign(front, { turns });
}

const entriesOf = (account: string, count: number): Append[] =>
  Array.from({ length: count }, () => seal({ name: 'hello', key: newKey() }, { ...queued(), account }));

const recordOf = (account: string, idempotencyKey: string, entries: readonly Append[]): NewCreateRecord => ({
  account,
  idempotencyKey,
  at: eventDate(),
  digest: 'b0d1',
  keys: entries.map(({ key }) => key),
  after: 0,
});

test('creates at two fronts at once are admitted up to the limit, to the task, and each is told where it stands', async () => {
  const wishes = Array.from({ length: 40 }, () => entriesOf('acme', 1));
  const answers = await Promise.allSettled(
    wishes.map((entries, index) => (index % 2 ? one : two).turns.take('acme', { entries, records: [] })),
  );
  const stored = answers.flatMap((answer, index) =>
    answer.status === 'fulfilled' ? [{ seq: answer.value, key: wishes[index]?.[0]?.key as string }] : [],
  );
  expect(stored).toHaveLength(LIMIT);
  for (const { seq, key } of stored) expect((await one.log.history(key))[0]?.seq).toBe(seq);
  for (const answer of answers)
    if (answer.status === 'rejected') {
      expect(answer.reason).toBeInstanceOf(RequestError);
      expect(answer.reason.status).toBe(401);
    }
  expect(one.lost + two.lost).toBeGreaterThan(0);
});

test('a named create that another front has stored keeps none of those out that shared its turn', async () => {
  const first = entriesOf('globex', 1);
  const record = recordOf('globex', 'order-1', first);
  await two.turns.take('globex', { entries: first, records: [record] });
  const again = entriesOf('globex', 1);
  const [leading, repeated, ...others] = await Promise.allSettled([
    one.turns.take('globex', { entries: entriesOf('globex', 1), records: [] }),
    one.turns.take('globex', { entries: again, records: [recordOf('globex', 'order-1', again)] }),
    ...Array.from({ length: 5 }, () =>
      one.turns.take('globex', { entries: entriesOf('globex', 2), records: [] }),
    ),
  ]);
  expect(leading?.status).toBe('fulfilled');
  expect(repeated).toMatchObject({ status: 'rejected', reason: expect.any(LogConflict) });
  for (const other of others) expect(other.status).toBe('fulfilled');
  expect(await one.log.history(again[0]?.key as string)).toEqual([]);
});

test('a create that does not fit is refused whole, and the next one that does is admitted', async () => {
  const take = (count: number) =>
    one.turns.take('initech', { entries: entriesOf('initech', count), records: [] });
  const [fits, tooMany, fitsToo] = await Promise.allSettled([take(20), take(6), take(5)]);
  expect([fits?.status, tooMany?.status, fitsToo?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('what is known of accounts does not grow with all that ever were', async () => {
  const asked: string[] = [];
  const creates = {
    lastTurn: async (account: string) => {
      asked.push(account);
      return { seq: 0, end: 0 };
    },
    submit: async () => ({ seq: 1, turn: { seq: 1, end: 0 } }),
  } as unknown as JetStreamLog;
  const projection = { reached: async () => {} } as unknown as Projection;
  const turns = new Turns({ creates, projection, limits: new Limits(() => undefined) });
  const entries = entriesOf('any', 1);
  const take = (account: string) => turns.take(account, { entries, records: [] });
  await take('account-0');
  await take('account-0');
  expect(asked).toEqual(['account-0']);
  for (let number = 1; number <= 100_000; number++) await take(`account-${number}`);
  await take('account-0');
  expect(asked.at(-1)).toBe('account-0');
});
