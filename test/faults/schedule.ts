import { FAULTS, type FaultName } from './faults.ts';
import type { Role } from './managed-process.ts';
import type { Random } from './random.ts';

/** A fault to come, in milliseconds since the run began. */
export interface Planned {
  readonly name: FaultName;
  readonly atMs: number;
  readonly lastsMs: number;
}

/** Before the first fault the service has some work in hand. */
const QUIET_MS = 1_500;
const GAP_MS = [200, 2_500] as const;
/** Until the next of its like, a process has this long to be back. */
const HEALED_MS = 1_000;
/** So often others may go before a fault that must wait for its targets; then they wait for it. */
const PASSED_OVER = 3;

/**
 * Draws faults for a time, each of the names as often as the others. Faults on workers, fronts and servers
 * overlap one another, but not their like: with every worker or server away nothing could be seen to go on.
 */
export function planFaults(names: readonly FaultName[], durationMs: number, random: Random): Planned[] {
  const planned: Planned[] = [];
  if (names.length === 0) return planned;
  const freeAt: Record<Role, number> = { server: 0, front: 0, worker: 0 };
  const possibleAt = (name: FaultName): number => Math.max(...FAULTS[name].takes.map((role) => freeAt[role]));
  let bag: FaultName[] = [];
  let passedOver = 0;
  for (let atMs = QUIET_MS; atMs < durationMs; atMs += random.integer(...GAP_MS)) {
    if (bag.length === 0) bag = random.shuffled(names);
    const [first] = bag as [FaultName];
    if (passedOver >= PASSED_OVER) atMs = Math.max(atMs, possibleAt(first));
    const index = bag.findIndex((name) => possibleAt(name) <= atMs);
    passedOver = index === 0 ? 0 : passedOver + 1;
    if (index === -1) continue;
    const [name] = bag.splice(index, 1) as [FaultName];
    const lastsMs = random.integer(...FAULTS[name].lastsMs);
    for (const role of FAULTS[name].takes) freeAt[role] = atMs + lastsMs + HEALED_MS;
    planned.push({ name, atMs, lastsMs });
  }
  return planned;
}
