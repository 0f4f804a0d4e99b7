import type { App } from './app.ts';
import type { FrontParts } from './front-parts.ts';
import { heldBytes } from './held-answers.ts';
import type { Gauges } from './metrics.ts';
import { expectedWatchers } from './waiting.ts';

/** What a front can tell of itself at any moment. */
export const gaugesOf = (
  { projection, statusFeeds, historyFeeds, workers, log, connections }: FrontParts,
  app: App,
): Gauges => ({
  wyvern_open_tasks: { help: 'Tasks that are queued or executing', value: () => projection.openTasks },
  wyvern_open_feeds: { help: 'Status feeds that are open', value: () => statusFeeds.size },
  wyvern_open_history_feeds: {
    help: 'Readers of the log that are open',
    value: () => historyFeeds.size,
  },
  wyvern_open_requests: {
    help: 'Requests without an answer yet, feeds included',
    value: () => app.openExchanges,
  },
  wyvern_open_connections: { help: 'Connections of clients', value: () => connections.open },
  wyvern_refused_connections_total: {
    help: 'Connections that were closed at once, since there were too many',
    isCounter: true,
    value: () => connections.refused,
  },
  wyvern_held_answer_bytes: {
    help: 'Bytes of large answers that are being made or that their clients have not taken yet',
    value: heldBytes,
  },
  wyvern_watchers: {
    help: 'Waiting calls and feeds, once for each task they watch or are about to',
    value: () => projection.watchers + expectedWatchers(),
  },
  wyvern_workers: { help: 'Workers heard of in the last 5 s', value: () => workers.present().length },
  wyvern_projection_seq: {
    help: 'Sequence up to which this front has folded the log',
    value: () => projection.seq,
  },
  wyvern_log_unreadable_events: {
    help: 'Events that this front could not read',
    value: () => projection.unreadableEvents,
  },
  wyvern_log_connected: { help: '1 while the log can be reached', value: () => Number(log.connected) },
});
