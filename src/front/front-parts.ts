import type { Accounts } from '../accounts/accounts.ts';
import type { Limits } from '../accounts/limits.ts';
import type { Config } from '../config.ts';
import type { Cancellations } from '../log/cancellations.ts';
import type { EventLog } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import type { Projection } from '../projection/projection.ts';
import type { LogRoom } from '../retention/log-room.ts';
import type { Storage } from '../storage/storage.ts';
import type { Connections } from './connections.ts';
import type { HistoryFeeds } from './history-feed.ts';
import type { FrontMetrics } from './metrics.ts';
import type { SharedCreates } from './shared-creates.ts';
import type { StatusFeeds } from './status-feed.ts';
import type { StatusView } from './status-view.ts';
import type { TaskCreation } from './task-creation.ts';
import type { TaskQueues } from './task-queues.ts';
import type { WorkerPresence } from './worker-presence.ts';

/** What the endpoints are made of; put together once, by `cli/front`. */
export interface FrontParts {
  readonly config: Config;
  readonly log: EventLog;
  readonly cancellations: Cancellations;
  readonly projection: Projection;
  readonly accounts: Accounts;
  readonly limits: Limits;
  readonly connections: Connections;
  readonly storage: Storage;
  readonly logger: Logger;
  readonly view: StatusView;
  readonly statusFeeds: StatusFeeds;
  readonly historyFeeds: HistoryFeeds;
  readonly creation: TaskCreation;
  readonly sharedCreates: SharedCreates;
  readonly workers: WorkerPresence;
  readonly queues: TaskQueues;
  readonly metrics: FrontMetrics;
  readonly room: LogRoom;
}
