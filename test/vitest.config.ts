import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { PlainCountReporter } from './support/plain-count-reporter.ts';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // On two cores: much of the time is waiting, for leases, heartbeats and elections. With two it takes a sixth longer.
    maxWorkers: 3,
    // A process for each file would load the same modules again, a third of a second each. So no test may change them:
    // `vi.mock` does nothing where another test has loaded the module before.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real processes on a shared machine: a test that fails is run once more, and named if it passes then.
    retry: 1,
    watch: false,
    reporters: ['default', new PlainCountReporter()],
  },
});
