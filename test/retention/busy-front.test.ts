import { expect, it } from 'vitest';
import type { LogUpkeep, LogVolume } from '../../src/log/upkeep.ts';
import { createLogger } from '../../src/logger.ts';
import type { Projection } from '../../src/projection/projection.ts';
import { LogKeeper } from '../../src/retention/log-keeper.ts';
import { LogRoom } from '../../src/retention/log-room.ts';
import type { OverdueTasks } from '../../src/retention/overdue-tasks.ts';

const LIMITS = { events: 10_000, bytes: 10_000 };

/** What a keeper forgets and ends, by the last sequence that it knows of, where the fold is so many looks behind the log. */
async function keptOf(looksBehind: number, looks: number) {
  let measured = 0;
  const volume = async (): Promise<LogVolume> => {
    measured++;
    const state = { firstSeq: measured * 100 - 50, lastSeq: measured * 100, events: 50, bytes: 50 };
    return { nowMs: 0, madeAt: '', ...state, allowed: LIMITS };
  };
  const forgotten: number[] = [];
  const ended: number[] = [];
  const seqNow = () => (measured - looksBehind) * 100;
  const projection = {
    get seq() {
      return seqNow();
    },
    openTasks: 0,
    forgetBefore: (_: number, lastSeq: number) => void (lastSeq <= seqNow() && forgotten.push(lastSeq)),
  } as unknown as Projection;
  const keeper = new LogKeeper({
    upkeep: { volume } as LogUpkeep,
    projection,
    room: new LogRoom({ limits: LIMITS, folded: projection }),
    overdue: { end: async ({ lastSeq }) => void ended.push(lastSeq) } as OverdueTasks,
    limits: LIMITS,
    retentionMs: 0,
    logger: createLogger('test', { LOG_LEVEL: 'fatal' }),
    onLogLost: () => {},
  });
  keeper.close();
  for (let look = 0; look < looks; look++) await keeper.look();
  return { forgotten, ended };
}

it('forgets and ends tasks also where the fold is always a moment behind the log, as it is under load', async () => {
  for (const [looksBehind, ...seqs] of [[0, 100, 200, 300, 400], [1, 100, 200, 300], [2, 100], [4]] as const)
    expect(await keptOf(looksBehind, 4)).toEqual({ forgotten: seqs, ended: seqs });
});
