import { setTimeout as delay } from 'node:timers/promises';
import { FAULTS, type Scene } from './faults.ts';
import type { Struck } from './observations.ts';
import type { Random } from './random.ts';
import type { Planned } from './schedule.ts';

/** Does the faults at their times, and undoes each. Resolves with what was done, when all is undone. */
export async function strikeAll(
  planned: readonly Planned[],
  scene: Scene,
  random: Random,
  now: () => number,
  say: (line: string) => void,
): Promise<Struck[]> {
  const struck: Struck[] = [];
  const strike = async ({ name, atMs, lastsMs }: Planned, index: number): Promise<void> => {
    await delay(Math.max(0, atMs - now()));
    const at = now();
    const harm = await FAULTS[name].strike(scene, random.fork(`${index}`));
    say(`  ${(at / 1_000).toFixed(1).padStart(5)} s  ${name}: ${harm.target}, for ${lastsMs / 1_000} s`);
    await delay(lastsMs);
    await harm.heal();
    struck.push({ at, until: now(), fault: name, target: harm.target });
  };
  await Promise.all(planned.map(strike));
  return struck.sort((a, b) => a.at - b.at);
}
