import { expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { eventDate } from '../../src/log/event-date.ts';
import type { Append } from '../../src/log/log.ts';
import { readReplayOptions } from '../../src/replay/options.ts';
import { replay } from '../../src/replay/replay.ts';
import type { OutputReader } from '../../src/storage/storage.ts';
import { completed, started, stored } from '../actors/events.ts';
import { ArchiveStage } from '../log/archive-support.ts';
import { after, lifeOfNow, never } from '../log/reading-support.ts';

/** A store from which everything has been swept. */
const empty: OutputReader = { place: 'nowhere', open: async () => undefined };

it('verifies, shows and digests what only the archive has as what the log has, and misses none of its outputs', async () => {
  await using stage = await ArchiveStage.start();
  const { log } = stage;
  const run = async (...args: string[]) => {
    const lines: string[] = [];
    const write = async (line: string) => void lines.push(line);
    const parts = { log, storage: async () => empty, write, progress: () => {}, signal: never };
    return { code: await replay(parts, readReplayOptions([...args, '--json'])), lines };
  };
  await stage.fill(20);
  const [first] = lifeOfNow('hello') as [Append];
  const output = stored('output', 1);
  const begun = after(first, { ...started(1), at: eventDate() });
  const end = after(begun, { ...completed(1), at: eventDate(), outputs: [output] } as TaskEvent);
  const last = await log.appendAll([first, begun, end]);
  await stage.archived(last);

  const views = [['--verify', '--skip-outputs'], [], ['--task', first.key], ['--state', first.key]];
  const seen = [];
  for (const view of views) seen.push(await run(...view));
  expect(seen[0]).toMatchObject({ code: 0 });
  expect(await run('--verify')).toMatchObject({
    code: 1,
    lines: [expect.stringContaining('which is not in the store'), expect.any(String)],
  });

  await stage.letGo(last + 1);
  for (const [index, view] of views.entries()) expect(await run(...view)).toEqual(seen[index]);
  expect(await run('--verify')).toEqual(seen[0]);
});
