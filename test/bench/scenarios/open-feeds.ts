import { readFileSync } from 'node:fs';
import { until } from '../../support/until.ts';
import { FeedSocket, openAll } from '../support/feed-sockets.ts';
import { quantile, shortly } from '../support/numbers.ts';
import { type Effort, type Report, type Scenario, scaled } from '../support/scenario.ts';
import { residentBytesOf } from '../support/usage.ts';
import { Wyvern } from '../support/wyvern.ts';

const FEEDS = 20_000;
const BYTES_GOAL = 6_000;
const WATCHERS = 10_000;
const END_GOAL_MS = 1_000;
/** What both sides have open besides feeds. */
const SPARE_FILES = 500;

export const openFeeds: Scenario = {
  name: 'open-feeds',
  goal: `${FEEDS.toLocaleString('en')} open status_streams on one front, held at ≤ ${BYTES_GOAL / 1_000} kB each; of one task watched by ${WATCHERS.toLocaleString('en')} all have the end within 1 s`,
  run,
};

async function run(effort: Effort): Promise<Report> {
  await using wyvern = await Wyvern.start({ SYNC: '1s' });
  const feeds = Math.min(scaled(FEEDS, effort), filesAllowed([process.pid, ...wyvern.pids('front')]));
  const notes =
    feeds < scaled(FEEDS, effort) ? [`${feeds} feeds are as many as the limit of open files leaves`] : [];
  const watchers = scaled(WATCHERS, effort);
  const key = await createSleep(wyvern);
  let endedAt = 0;
  const delays: number[] = [];
  const hear = (text: string): void => {
    if (text.includes('"status":"error"')) delays.push(performance.now() - endedAt);
  };
  const request = `GET /v1/status_stream?tasks=${key} HTTP/1.1\r\nHost: bench\r\n\r\n`;
  const before = residentBytesOf(wyvern.pids('front'));
  const open = () => FeedSocket.open(wyvern.url, request, hear);
  const sockets = await openAll(feeds, open);
  const each = (residentBytesOf(wyvern.pids('front')) - before) / feeds;
  for (const socket of sockets.splice(watchers)) socket.close();
  endedAt = performance.now();
  await wyvern.service.post('/v1/cancel', { tasks: key });
  await until(() => delays.length >= watchers, 30_000);
  for (const socket of sockets) socket.close();
  const last = quantile(delays, 1);
  return {
    rows: [
      {
        feeds,
        'bytes each': Math.round(each),
        watchers,
        'end p50 ms': shortly(quantile(delays, 0.5)),
        'end of the last ms': shortly(last),
      },
    ],
    verdicts: [
      {
        goal: `${feeds} feeds held, ≤ ${BYTES_GOAL} bytes each`,
        measured: `${Math.round(each)} bytes`,
        isMet: each <= BYTES_GOAL,
      },
      {
        goal: `${watchers} watchers have the end within ${END_GOAL_MS} ms`,
        measured: `${Math.round(last)} ms`,
        isMet: last <= END_GOAL_MS,
      },
    ],
    notes,
  };
}

async function createSleep(wyvern: Wyvern): Promise<string> {
  const answer = await wyvern.service.post('/v1/create', {
    tasks: { task_name: 'sleep', seconds: 3_600, steps: 0 },
  });
  return ((await answer.json()) as [{ key: string }])[0].key;
}

/** Each feed is an open file on both sides; the limit of either may be lower than what is asked for. */
function filesAllowed(pids: readonly number[]): number {
  const limits = pids.map(
    (pid) => /Max open files\s+(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1],
  );
  return Math.min(...limits.map(Number)) - SPARE_FILES;
}
