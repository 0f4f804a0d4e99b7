import { parseArgs } from 'node:util';
import { scenarios } from './scenarios.ts';
import { machine } from './support/machine.ts';
import { installPeers } from './support/peer.ts';
import { asMarkdown } from './support/print.ts';
import { FULL, SMOKE } from './support/scenario.ts';

const USAGE = `Usage: npm run bench -- [--smoke] [--rounds N] [scenario …]

Scenarios: ${[...scenarios.keys()].join(', ')}`;

/** Runs the scenarios that are named, or all, and prints a report in Markdown. Exit code 1 when a goal was missed. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { smoke: { type: 'boolean' }, rounds: { type: 'string' }, help: { type: 'boolean' } },
  });
  const unknown = positionals.filter((name) => !scenarios.has(name));
  const rounds = Number(values.rounds ?? FULL.rounds);
  if (values.help || unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
    process.stdout.write(`${unknown.map((name) => `'${name}' is not a scenario.\n`).join('')}${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  const effort = values.smoke ? SMOKE : { ...FULL, rounds };
  if (!effort.isSmoke && !installPeers())
    process.stdout.write('the peers could not be installed, they are skipped\n');
  process.stdout.write(`${machine()}; ${effort.rounds} rounds\n\n`);
  let missed = 0;
  for (const name of positionals.length > 0 ? positionals : scenarios.keys()) {
    const scenario = scenarios.get(name);
    if (!scenario) continue;
    const report = await scenario.run(effort);
    missed += report.verdicts.filter(({ isMet }) => !isMet).length;
    process.stdout.write(`${asMarkdown(scenario, report)}\n`);
  }
  return missed > 0 && !effort.isSmoke ? 1 : 0;
}

process.exitCode = await main();
