import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FAULT_NAMES, type FaultName } from './faults.ts';
import type { RunOptions } from './run.ts';

export const OPTIONS_HELP = `Usage: npm run -s faults -- [options]

  --seed TEXT      repeat the run of this seed; without it each run draws its own
  --runs N         this many runs, each with a seed of its own (1)
  --minutes N      how long faults strike, in each run (0.5)
  --cluster        three nats-servers instead of one
  --only A,B       these faults only: ${FAULT_NAMES.join(', ')}
  --without A,B    all but these faults
  --clients N      how many clients ask at once (10)
  --sync MODE      always or 1s (always)
  --folder PATH    for what the processes say and what was seen (.cache/faults)`;

export interface Options extends Omit<RunOptions, 'seed' | 'say'> {
  readonly seeds: readonly string[];
}

/** The error says what is wrong with the arguments. */
export function parseOptions(args: readonly string[]): Options | Error {
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{ seed: text, runs: text, minutes: text, only: text, without: text, clients: text, sync: text },
        ...{ folder: text, cluster: { type: 'boolean' } as const },
      },
    });
    const runs = values.seed === undefined ? readNumber('runs', values.runs ?? '1') : 1;
    const sync = values.sync ?? 'always';
    if (sync !== 'always' && sync !== '1s') throw new Error(`--sync must be always or 1s, it is '${sync}'`);
    const without = readFaults(values.without);
    return {
      seeds: Array.from({ length: runs }, () => values.seed ?? String(randomInt(1e9))),
      durationMs: readNumber('minutes', values.minutes ?? '0.5') * 60_000,
      isCluster: values.cluster ?? false,
      faults: (values.only ? readFaults(values.only) : FAULT_NAMES).filter((name) => !without.includes(name)),
      clients: readNumber('clients', values.clients ?? '10'),
      sync,
      folder: values.folder ?? '.cache/faults',
    };
  } catch (error) {
    return error as Error;
  }
}

function readNumber(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} must be a number above 0, it is '${text}'`);
  return number;
}

function readFaults(list: string | undefined): FaultName[] {
  const names = (list ?? '').split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !FAULT_NAMES.includes(name as FaultName));
  if (unknown) throw new Error(`'${unknown}' is not a fault, choose from: ${FAULT_NAMES.join(', ')}`);
  return names as FaultName[];
}
