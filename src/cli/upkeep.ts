import type { Config } from '../config.ts';
import type { FrontParts } from '../front/front-parts.ts';
import type { Gauges } from '../front/metrics.ts';
import { DAY_MS } from '../log/event-date.ts';
import type { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import type { LogLimits } from '../log/upkeep.ts';
import type { Checkpoint } from '../projection/checkpoint.ts';
import { CheckpointWriter, loadCheckpoint } from '../projection/checkpoint-writer.ts';
import { ArchiveWatch } from '../retention/archive-watch.ts';
import { LogKeeper } from '../retention/log-keeper.ts';
import { FULL_AT } from '../retention/log-room.ts';
import { OverdueTasks } from '../retention/overdue-tasks.ts';

/** What a front does for the log beside answering; any front does it, and several do not get into each other's way. */
export interface Upkeep {
  readonly gauges: Gauges;
  close(): void;
}

/**
 * Brings the front to the head of the log: what a checkpoint holds, then what came after it. Resolves with the
 * sequence at which the checkpoint stands; 0 if there was none.
 */
export async function foldLog(
  { projection, limits, logger }: FrontParts,
  log: JetStreamLog,
): Promise<number> {
  const startedAt = performance.now();
  const checkpoint = await usableCheckpoint(log, logger);
  if (checkpoint) {
    projection.restore(checkpoint);
    limits.restore(
      checkpoint.open.map(({ account }) => account),
      checkpoint.recent,
    );
  }
  await projection.start();
  const tookMs = Math.round(performance.now() - startedAt);
  const { seq, openTasks } = projection;
  const loadedSeq = checkpoint?.seq ?? 0;
  logger.info({ checkpoint: loadedSeq, seq, openTasks, tookMs }, 'folded the log');
  return loadedSeq;
}

/**
 * Not one after which the log has let go of events: its open tasks have left the log too, most of them ended, and what
 * became of them is not told by what is left.
 */
async function usableCheckpoint(
  log: JetStreamLog,
  logger: FrontParts['logger'],
): Promise<Checkpoint | undefined> {
  const checkpoint = await loadCheckpoint(log.checkpoints, logger);
  if (!checkpoint) return undefined;
  // Not its extent, for which the archive is asked, too: no front needs that to start.
  const firstSeq = (await log.upkeep.volume())?.firstSeq ?? 1;
  if (checkpoint.seq >= firstSeq - 1) return checkpoint;
  const { seq, open } = checkpoint;
  logger.warn(
    { seq, logFrom: firstSeq, openTasks: open.length },
    'passed over a checkpoint: the log has let go of what came after it, and of the tasks that were open then',
  );
  return undefined;
}

export const logLimits = ({ MAX_LOG_EVENTS, MAX_LOG_BYTES }: Config): LogLimits => ({
  events: MAX_LOG_EVENTS,
  bytes: MAX_LOG_BYTES,
});

/** Resolves when the room in the log is known. */
export async function startUpkeep(parts: FrontParts, log: JetStreamLog, loadedSeq: number): Promise<Upkeep> {
  const { projection, limits, logger } = parts;
  const writer = new CheckpointWriter({
    checkpoints: log.checkpoints,
    logger,
    loadedSeq,
    seq: () => projection.seq,
    take: () => ({ ...projection.checkpoint(), recent: limits.recent() }),
  });
  const archive = createArchiveWatch(parts, log);
  const keeper = createKeeper(parts, log, archive);
  await keeper.look();
  return {
    gauges: { ...checkpointGauges(writer), ...keeperGauges(parts, keeper), ...archiveGauges(archive) },
    close: () => {
      keeper.close();
      writer.close();
    },
  };
}

const createArchiveWatch = (
  { config: { ARCHIVE_DAYS }, logger }: FrontParts,
  { upkeep }: JetStreamLog,
): ArchiveWatch | undefined =>
  ARCHIVE_DAYS > 0 ? new ArchiveWatch({ upkeep, keptMs: ARCHIVE_DAYS * DAY_MS, logger }) : undefined;

function createKeeper(
  { config, projection, room, cancellations, logger }: FrontParts,
  log: JetStreamLog,
  archive: ArchiveWatch | undefined,
): LogKeeper {
  const { upkeep } = log;
  const retentionMs = config.RETENTION_DAYS * DAY_MS;
  return new LogKeeper({
    upkeep,
    projection,
    room,
    overdue: new OverdueTasks({ log, upkeep, projection, cancellations, logger }, retentionMs),
    archive,
    limits: logLimits(config),
    retentionMs,
    logger,
    onLogLost: (reason) => {
      logger.fatal(`${reason}; starting anew on what is there, acknowledged tasks may be lost`);
      process.exit(1);
    },
  });
}

const checkpointGauges = (writer: CheckpointWriter): Gauges => ({
  wyvern_checkpoint_seq: {
    help: 'Sequence of the last event in the newest checkpoint, 0 if there is none',
    value: () => writer.newestSeq,
  },
});

const keeperGauges = ({ room, projection }: FrontParts, keeper: LogKeeper): Gauges => ({
  wyvern_log_events: { help: 'Events in the log', value: () => keeper.volume?.events ?? 0 },
  wyvern_log_bytes: { help: 'Bytes of the log', value: () => keeper.volume?.bytes ?? 0 },
  wyvern_log_use_ratio: {
    help: `Share of MAX_LOG_EVENTS or MAX_LOG_BYTES in use, room for the open tasks' ends included; creates are refused above ${FULL_AT}`,
    value: () => room.use().share,
  },
  wyvern_oldest_open_task_seconds: {
    help: 'Age of the oldest open task, 0 if there is none',
    value: () => {
      const oldest = projection.oldestOpen;
      return oldest ? Math.max(0, (Date.now() - Date.parse(oldest.queued)) / 1_000) : 0;
    },
  },
  wyvern_log_held_events: {
    help: 'Events that cannot be let go of, because they are not older than the oldest open task',
    value: () => keeper.held.events,
  },
  wyvern_log_held_bytes: { help: 'Bytes of the held events', value: () => keeper.held.bytes },
});

const archiveGauges = (archive: ArchiveWatch | undefined): Gauges =>
  archive
    ? {
        wyvern_archive_lag_events: {
          help: 'Events of the log that the archive has not taken yet',
          value: () => archive.lag,
        },
        wyvern_archive_events: { help: 'Events in the archive', value: () => archive.volume?.events ?? 0 },
        wyvern_archive_bytes: {
          help: 'Bytes of the archive, before compression',
          value: () => archive.volume?.bytes ?? 0,
        },
      }
    : {};
