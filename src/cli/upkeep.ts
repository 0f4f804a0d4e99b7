import type { FrontParts } from '../front/front-parts.ts';
import type { Gauges } from '../front/metrics.ts';
import type { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import { Checkpointing, loadCheckpoint } from '../projection/checkpointing.ts';

/** What a front does for the log beside answering; any front does it, and several do not get into each other's way. */
export interface Upkeep {
  readonly gauges: Gauges;
  close(): void;
}

/** Brings the front to the head of the log: what a checkpoint holds, then what came after it. */
export async function foldLog({ projection, limits, logger }: FrontParts, log: JetStreamLog): Promise<void> {
  const startedAt = performance.now();
  const checkpoint = await loadCheckpoint(log.checkpoints, logger);
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
  logger.info({ checkpoint: checkpoint?.seq ?? 0, seq, openTasks, tookMs }, 'folded the log');
}

export function startUpkeep({ projection, limits, logger }: FrontParts, log: JetStreamLog): Upkeep {
  const checkpointing = new Checkpointing({
    checkpoints: log.checkpoints,
    logger,
    seq: () => projection.seq,
    take: () => ({ seq: projection.seq, open: [...projection.open()], recent: limits.recent() }),
  });
  return {
    gauges: {
      wyvern_checkpoint_seq: {
        help: 'Sequence of the last event in the newest checkpoint, 0 if there is none',
        value: () => checkpointing.newestSeq,
      },
    },
    close: () => checkpointing.close(),
  };
}
