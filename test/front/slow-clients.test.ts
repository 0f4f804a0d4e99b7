import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { Exchange } from '../../src/front/exchange.ts';
import { framingFor } from '../../src/front/framing.ts';
import { heldBytes } from '../../src/front/held-answers.ts';
import { HistoryFeeds } from '../../src/front/history-feed.ts';
import { PLAIN } from '../../src/front/history-lines.ts';
import { StatusFeeds } from '../../src/front/status-feed.ts';
import { StatusView } from '../../src/front/status-view.ts';
import type { LogReader } from '../../src/log/log.ts';
import type { Page } from '../../src/log/reading.ts';
import type { Projection, Watcher } from '../../src/projection/projection.ts';
import { stateOf, type TaskState } from '../../src/projection/state.ts';
import { linesOf, seqsOf } from './history-stream-support.ts';

/** A connection of which the system holds little, as of one over a slow network; it does with it as uWebSockets.js does. */
class NarrowConnection {
  readonly exchange: Exchange;
  #body: Buffer[] = [];
  isEnded = false;
  /** How often uWebSockets.js was told to give the client more time. */
  resumed = 0;
  /** Characters that are queued in this process, and the most that ever were. */
  queued = 0;
  mostQueued = 0;
  /** Bytes of the largest piece that was written. */
  largest = 0;
  /** Bytes that were written while uWebSockets.js told of the request: they go out as one piece. */
  early = 0;
  #isTelling = true;
  #room = 20_000;
  #offset = 0;
  #onWritable: ((offset: number) => boolean) | undefined;

  constructor() {
    setImmediate(() => {
      this.#isTelling = false;
    });
    const res = {
      onAborted: () => res,
      onWritable: (handler: (offset: number) => boolean) => {
        this.#onWritable = handler;
        return res;
      },
      cork: (write: () => void) => {
        write();
        this.#flush();
        return res;
      },
      writeStatus: () => res,
      writeHeader: () => res,
      pause: () => {},
      resume: () => {
        this.resumed++;
      },
      write: (chunk: string | Uint8Array) => {
        this.#body.push(Buffer.from(chunk as string));
        this.largest = Math.max(this.largest, Buffer.byteLength(chunk));
        if (this.#isTelling) this.early += Buffer.byteLength(chunk);
        this.#flush();
        this.queued += chunk.length;
        this.#flush();
        this.mostQueued = Math.max(this.mostQueued, this.queued);
        return this.queued === 0;
      },
      end: () => {
        this.isEnded = true;
        return res;
      },
      getWriteOffset: () => this.#offset,
      tryEnd: (chunk: Uint8Array, total: number) => {
        const sent = Math.min(chunk.length, this.#room);
        this.#room -= sent;
        this.#offset += sent;
        this.#body.push(Buffer.from(chunk.subarray(0, sent)));
        this.isEnded = this.#offset === total;
        return [sent === chunk.length, this.isEnded];
      },
    };
    const req = { getMethod: () => 'get', getUrl: () => '/', getQuery: () => '', getHeader: () => '' };
    this.exchange = new Exchange(res as unknown as HttpResponse, req as unknown as HttpRequest, () => {});
  }

  /** Whether uWebSockets.js leaves the client's time to us once the client has taken something. */
  get isListenedTo(): boolean {
    return this.#onWritable !== undefined;
  }

  get body(): string {
    return Buffer.concat(this.#body).toString();
  }

  #flush(): void {
    const sent = Math.min(this.queued, this.#room);
    this.queued -= sent;
    this.#room -= sent;
  }

  /** The client takes so much. As of a socket, whoever writes is only told of that if it could not take something before. */
  async take(characters: number): Promise<void> {
    const wasFull = this.queued > 0 || this.#room === 0;
    this.#room += characters;
    const handler = this.#onWritable;
    if (wasFull && handler) handler(this.#offset);
    else this.#flush();
    // What follows at once runs within the handler still, and one that was put in its place is lost.
    await new Promise(setImmediate);
    if (wasFull && handler) this.#onWritable = handler;
  }

  async takeAll(): Promise<void> {
    for (let turn = 0; turn < 20_000 && !this.isEnded; turn++) await this.take(5_000);
  }
}

const account: Account = { name: 'acme', auditor: false } as Account;

/** A log of 200 pages, each of 100 events of a kilobyte. */
async function* pages(): AsyncGenerator<Page> {
  for (let through = 100; through <= 20_000; through += 100) {
    const entries = Array.from({ length: 100 }, (_, index) => ({
      seq: through - 99 + index,
      key: '01M8J1HST5DBMAFGAV2T0ZTZBG',
      name: 'hello',
      type: 'queued' as const,
      at: '2026-11-28T21:39:01.574268+00:00',
      account: 'acme',
      rest: JSON.stringify({ text: 'x'.repeat(1_000) }),
    }));
    yield { entries, through };
  }
}

const historyFeeds = (read: LogReader['read'] = pages): HistoryFeeds =>
  new HistoryFeeds({
    accounts: { findBySecret: () => account } as unknown as Accounts,
    log: { read } as unknown as LogReader,
    projection: { seq: 20_000, isLate: () => false } as unknown as Projection,
    logger: pino({ enabled: false }),
  });

/** Lets the client of the connection read that log. */
function read(feeds: HistoryFeeds, { exchange }: NarrowConnection, by = account): void {
  feeds.open(exchange, {
    account: by,
    secret: '',
    reading: { after: 0, through: 20_000 },
    follow: false,
    startsAt: undefined,
    endsAt: undefined,
    hasEnd: false,
    wording: PLAIN,
    framing: framingFor(exchange.head),
  });
}

test('A reader of events that is slow is sent no more than it takes, and in the end all of it', async () => {
  const connection = new NarrowConnection();
  const feeds = historyFeeds();
  read(feeds, connection);
  await connection.takeAll();
  feeds.close();
  expect(connection.isEnded).toBe(true);
  expect(seqsOf(linesOf(connection.body))).toEqual(Array.from({ length: 20_000 }, (_, index) => index + 1));
  // A chunk that is under way, and the fillers behind it.
  expect(connection.mostQueued).toBeLessThan(150_000);
  // What uWebSockets.js can gather: it spoils what is larger.
  expect(connection.largest).toBeLessThan(16_000);
  // Who reads lines and passes over empty ones gets nothing but JSON.
  for (const line of connection.body.split('\n')) if (line !== '') JSON.parse(line);
});

test('A reader of events counts as open until it has taken the last of them', async () => {
  const connection = new NarrowConnection();
  const feeds = historyFeeds();
  read(feeds, connection);
  let open = feeds.size;
  while (!connection.isEnded) {
    open = feeds.size;
    await connection.take(5_000);
  }
  expect(open).toBe(1);
  await new Promise(setImmediate);
  expect(feeds.size).toBe(0);
  feeds.close();
});

test('A thousand read at once, of each account three for each place that is free', async () => {
  let stop: () => void = () => {};
  const silent = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const feeds = historyFeeds(async function* () {
    await silent;
    yield* [];
  });
  const fill = (name: string): number => {
    const before = feeds.size;
    try {
      for (;;) read(feeds, new NarrowConnection(), { ...account, name });
    } catch (error) {
      expect(error).toMatchObject({ status: 503, headers: { 'Retry-After': '1' } });
    }
    return feeds.size - before;
  };
  expect(fill('acme')).toBe(750);
  expect(fill('globex')).toBe(188);
  for (let others = 0; feeds.size < 1_000; others++) expect(fill(`other ${others}`)).toBeGreaterThan(0);
  expect(fill('one more')).toBe(0);
  expect(fill('acme')).toBe(0);
  stop();
  await new Promise(setImmediate);
  feeds.close();
});

test('A feed that is let go of while its client is slow does not end as if its tasks had', async () => {
  const connection = new NarrowConnection();
  const states = Array.from({ length: 500 }, (_, index) =>
    stateOf({ key: String(index), queued: '2026-11-28T21:39:01.574268+00:00', outputs: [], seq: 1 }),
  );
  const projection = {
    reachedAll: async () => {},
    watch: () => true,
    unwatch: () => {},
    peek: () => undefined,
  };
  const feeds = new StatusFeeds(projection as unknown as Projection, new StatusView('http://wyvern.example'));
  await feeds.open(connection.exchange, states);
  expect(connection.queued).toBeGreaterThan(0);
  feeds.close();
  while (connection.queued > 0) await connection.take(5_000);
  await connection.take(5_000);
  expect(JSON.parse(connection.body)).toHaveLength(500);
  expect(connection.isEnded).toBe(false);
});

test('A feed whose tasks have all ended is ended also if its client took the list before that was known', async () => {
  const connection = new NarrowConnection();
  const ended = (key: string): TaskState =>
    stateOf({
      key,
      status: 'success',
      result: 'x'.repeat(1_000),
      queued: '2026-11-28T21:39:01.574268+00:00',
      outputs: [],
      seq: 1,
    });
  let reach: () => void = () => {};
  const projection = {
    reachedAll: () =>
      new Promise<void>((resolve) => {
        reach = resolve;
      }),
    watch: (_key: string, _watcher: Watcher) => false,
    unwatch: () => {},
  };
  const feeds = new StatusFeeds(projection as unknown as Projection, new StatusView('http://wyvern.example'));
  void feeds.open(
    connection.exchange,
    Array.from({ length: 100 }, (_, index) => ended(String(index))),
    'body',
  );
  await new Promise(setImmediate);
  for (let taken = 0; connection.queued > 0 && taken < 200_000; taken += 5_000) await connection.take(5_000);
  reach();
  await connection.takeAll();
  feeds.close();
  expect(connection.isEnded).toBe(true);
  expect(JSON.parse(connection.body)).toHaveLength(100);
  // What uWebSockets.js can gather: of more it loses a part, also where it was written in small pieces.
  expect(connection.early).toBeLessThan(16_000);
});

test('An answer in chunks that are ready at once comes whole over such a connection', async () => {
  const connection = new NarrowConnection();
  const chunks = ['a', 'b', 'c', 'd'].map((letter) => Buffer.from(letter.repeat(65_536)));
  void connection.exchange.sendStream(200, {}, 4 * 65_536, chunks).catch(() => {});
  await connection.takeAll();
  expect(connection.isEnded).toBe(true);
  expect(connection.body).toBe(chunks.join(''));
});

test('A feed comes as it is where its letters are longer than a byte', async () => {
  const connection = new NarrowConnection();
  connection.exchange.begin(200, {});
  const text = '\u{1F99D}é'.repeat(20_000);
  connection.exchange.write(text);
  expect(connection.body).toBe(text);
});

test('An answer in bytes, which other clients share, does not count as held', async () => {
  const connection = new NarrowConnection();
  connection.exchange.send(200, Buffer.alloc(200_000, 'x'), {});
  expect(heldBytes()).toBe(0);
  await connection.takeAll();
  expect(connection.body).toBe('x'.repeat(200_000));
});

test('A client that was slow once has time to the end of its feed, though it has taken all', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const connection = new NarrowConnection();
  const { exchange } = connection;
  exchange.begin(200, {});
  expect(exchange.write('x'.repeat(50_000))).toBe(false);
  await connection.take(100_000);
  expect(exchange.write('x')).toBe(true);
  vi.advanceTimersByTime(9_000);
  expect(connection.resumed).toBeGreaterThan(0);
  void exchange.end('');
  expect(connection.isEnded).toBe(true);
  const { resumed } = connection;
  vi.advanceTimersByTime(9_000);
  expect(connection.resumed).toBe(resumed);
});

test('A chunk of a feed may be queued though uWebSockets.js took it, and is then listened for', () => {
  const connection = new NarrowConnection();
  connection.exchange.begin(200, {});
  connection.exchange.write('x');
  expect(connection.isListenedTo).toBe(true);
});
