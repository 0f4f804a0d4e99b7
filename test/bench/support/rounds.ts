import { median } from './numbers.ts';

/** One side of a comparison, already running and warm. */
export interface Contestant<Sample> {
  readonly name: string;
  measure(): Promise<Sample>;
}

/**
 * Lets the contestants have their turns, several rounds long, so that what the machine's neighbours do falls
 * on all of them. Samples of one round stand at the same index.
 */
export async function inTurn<Sample>(
  contestants: readonly Contestant<Sample>[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const { name, measure } of contestants) samples.get(name)?.push(await measure());
  return samples;
}

/** The median over the rounds of ours divided by theirs. */
export const pairedRatio = (ours: readonly number[], theirs: readonly number[]): number =>
  median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
