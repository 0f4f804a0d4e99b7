import type { LogReader } from '../log/log.ts';
import type { Position } from '../log/position.ts';
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
  const locate = (position: Position) => (position.kind === 'date' ? log.locate(position.date) : undefined);
  const first = from?.kind === 'seq' ? from.seq : from ? ((await locate(from))?.from ?? 1) : 1;
  const end = until?.kind === 'seq' ? until.seq : until ? ((await locate(until))?.until ?? last) : last;
  return { after: Math.max(0, first - 1), through: Math.min(end, last) };
}
