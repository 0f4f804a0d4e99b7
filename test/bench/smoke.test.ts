import { describe, expect, it } from 'vitest';
import { scenarios } from './scenarios.ts';
import { asMarkdown } from './support/print.ts';
import { SMOKE } from './support/scenario.ts';

/** That every benchmark still runs and tells what it promises; how fast anything is says `npm run bench`. */
describe('the benchmark', () => {
  it.each([...scenarios.values()])('$name runs', { timeout: 120_000 }, async (scenario) => {
    const report = await scenario.run(SMOKE);
    expect(report.rows.length).toBeGreaterThan(0);
    for (const value of report.rows.flatMap((row) => Object.values(row)))
      if (typeof value === 'number') expect(value).toBeGreaterThanOrEqual(0);
    expect(asMarkdown(scenario, report)).toContain(`## ${scenario.name}`);
  });
});
