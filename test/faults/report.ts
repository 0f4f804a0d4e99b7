import type { RunReport } from './run.ts';

const SHOWN_AT_MOST = 10;
const MAX_TEXT = 400;

/** What a run came to, for a person. */
export function printReport({ skipped, violations, figures }: RunReport, folder: string): void {
  for (const reason of skipped) console.log(`  skipped ${reason}`);
  const answers = Object.entries(figures.answers).map(([status, count]) => `${count} × ${status}`);
  console.log(`  ${figures.calls} calls, answered ${answers.join(', ').replace('× 0', 'without an answer')}`);
  console.log(
    `  ${figures.tasks} tasks, ${figures.events} events, ${figures.retries} retries, ${figures.late} late events, ${figures.feedsCut} feeds cut`,
  );
  const silence = seconds(figures.longestSilenceMs);
  const withoutCreate = seconds(figures.longestWithoutCreateMs);
  console.log(`  longest silence of the log ${silence}, longest time without a create ${withoutCreate}`);
  for (const promise of new Set(violations.map((violation) => violation.promise))) {
    const texts = violations.filter((violation) => violation.promise === promise).map(({ text }) => text);
    console.log(`  BROKEN: ${promise} (${texts.length})`);
    for (const text of texts.slice(0, SHOWN_AT_MOST)) console.log(`    ${text.slice(0, MAX_TEXT)}`);
  }
  if (violations.length > 0) console.log(`  what was seen, and what the processes said, is in ${folder}`);
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;
