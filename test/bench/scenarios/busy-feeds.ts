import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../support/until.ts';
import { FeedSocket } from '../support/feed-sockets.ts';
import { quantile, shortly } from '../support/numbers.ts';
import { type Effort, type Report, type Scenario, scaled } from '../support/scenario.ts';
import { megabytes, residentBytesOf } from '../support/usage.ts';
import { Wyvern } from '../support/wyvern.ts';

const FEEDS = 1_000;
const EVENTS_A_SECOND = 5_000;
const SECONDS = 10;
const GOAL_MS = 50;
/** Events that are timed, of each task: its start and its end. */
const EVENTS_A_TASK = 2;

/** The date that is new in a line: of an executing task its start, of an ended one its end. */
const TIMED = /"(?:started":"([^"]+)"\}|completed":"([^"]+)")/g;

export const busyFeeds: Scenario = {
  name: 'busy-feeds',
  goal: `${EVENTS_A_SECOND.toLocaleString('en')} events a second to ${FEEDS.toLocaleString('en')} feeds: p99 from event to byte ≤ ${GOAL_MS} ms; one of ten reads nothing, and costs nothing`,
  run,
};

async function run(effort: Effort): Promise<Report> {
  await using wyvern = await Wyvern.start({
    SYNC: '1s',
    CONCURRENCY: '10000',
    WORKERS: '2',
    MAX_TASKS: '1000',
  });
  const feeds = scaled(FEEDS, effort, 10);
  const seconds = scaled(SECONDS, effort, 2);
  const rate = EVENTS_A_SECOND * effort.scale;
  // Not timed, as no scenario's first turn is: what the processes have not compiled yet takes ten times as long.
  await play(wyvern, scaled(FEEDS / 5, effort, 2), seconds / 5, rate);
  const { delays, tasksEach, grown } = await play(wyvern, feeds, seconds, rate);
  const p99 = quantile(delays, 0.99);
  return {
    rows: [
      {
        feeds,
        'tasks each': tasksEach,
        'events timed': delays.length,
        'p50 ms': shortly(quantile(delays, 0.5)),
        'p99 ms': shortly(p99),
        // Warmed up, it may also have given some back.
        'front grew by MB': megabytes(Math.max(0, grown)),
      },
    ],
    verdicts: [
      {
        goal: `p99 ≤ ${GOAL_MS} ms from event to byte`,
        measured: `${shortly(p99)} ms`,
        isMet: p99 <= GOAL_MS,
      },
    ],
  };
}

interface Played {
  /** Milliseconds from each event's date to its line, of the feeds that are read. */
  readonly delays: readonly number[];
  readonly tasksEach: number;
  /** Bytes by which the front has grown before the feeds were closed. */
  readonly grown: number;
}

/** Opens `feeds` feeds over so many seconds, of so many tasks each that they make for `rate` events a second. */
async function play(wyvern: Wyvern, feeds: number, seconds: number, rate: number): Promise<Played> {
  const tasksEach = Math.max(1, Math.round((rate * seconds) / EVENTS_A_TASK / feeds));
  const delays: number[] = [];
  let ended = 0;
  const body = JSON.stringify({ tasks: Array.from({ length: tasksEach }, () => sleepUpTo(seconds)) });
  const request = `POST /v1/create_stream HTTP/1.1\r\nHost: bench\r\n${wyvern.head}Content-Length: ${body.length}\r\n\r\n${body}`;
  const before = residentBytesOf(wyvern.pids('front'));
  const reading = feeds - Math.floor(feeds / 10);
  const open = async (index: number): Promise<FeedSocket> => {
    // Evenly: all at once would be four times the events a second that are to be measured, for as long as they start.
    await delay((index * seconds * 1_000) / feeds);
    const feed = await FeedSocket.open(wyvern.url, request, (text) => {
      for (const [, started, completed] of text.matchAll(TIMED)) {
        if (completed) ended++;
        delays.push(Date.now() - Date.parse(started ?? (completed as string)));
      }
    });
    if (index % 10 === 9) feed.stall();
    return feed;
  };
  const sockets = await Promise.all(Array.from({ length: feeds }, (_, index) => open(index)));
  await until(() => ended >= reading * tasksEach, 120_000);
  const grown = residentBytesOf(wyvern.pids('front')) - before;
  for (const socket of sockets) socket.close();
  return { delays, tasksEach, grown };
}

const sleepUpTo = (seconds: number) => ({
  task_name: 'sleep',
  seconds: 1 + Math.round(Math.random() * (seconds - 1) * 1_000) / 1_000,
  steps: 0,
});
