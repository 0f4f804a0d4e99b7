import type { LogReader } from '../log/log.ts';
import { firstFrom, lastUntil } from '../log/position.ts';
import type { ReplayOptions } from './options.ts';

/** The part of the log to be read: after a sequence, up to one. */
export interface Range {
  readonly after: number;
  readonly through: number;
}

/** What `--from` and `--until` name, within what the log holds now. */
export async function rangeOf(
  log: LogReader,
  { from, until }: Pick<ReplayOptions, 'from' | 'until'>,
): Promise<Range> {
  const { last } = await log.extent();
  const first = from ? await firstFrom(log, from) : 1;
  const end = until ? await lastUntil(log, until) : last;
  return { after: Math.max(0, first - 1), through: Math.min(end, last) };
}
