import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OPTIONS_HELP, type Options, parseOptions } from './options.ts';
import { printReport } from './report.ts';
import { run } from './run.ts';

/** Runs the service under faults, once for each seed, and ends with 1 if a promise did not hold. */
async function main(options: Options): Promise<void> {
  let broken = 0;
  for (const seed of options.seeds) {
    const folder = join(options.folder, `run-${encodeURIComponent(seed)}`);
    await rm(folder, { recursive: true, force: true });
    console.log(`seed ${seed}${options.isCluster ? ', on a cluster' : ''}`);
    const report = await run({ ...options, seed, folder, say: (line) => console.log(line) });
    printReport(report, folder);
    if (report.violations.length > 0) broken++;
  }
  console.log(`${options.seeds.length - broken} of ${options.seeds.length} runs held every promise`);
  process.exitCode = broken > 0 ? 1 : 0;
}

const args = process.argv.slice(2);
const options = parseOptions(args);
if (args.includes('--help')) console.log(OPTIONS_HELP);
else if (options instanceof Error) {
  console.error(`${options.message}\n\n${OPTIONS_HELP}`);
  process.exitCode = 2;
} else await main(options);
