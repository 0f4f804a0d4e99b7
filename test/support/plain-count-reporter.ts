import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * Ends a run with one plain line, `N passed, N failed` (and `, N skipped` if any were), for whatever reads
 * the output after us. What failed outside of any test counts as failed too: a file that could not be
 * loaded, an error that nobody caught. A run in which no test ran fails. Tests that passed only on their second try
 * are named before it: each of them is a defect, of the test or of ours.
 */
export class PlainCountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const states = tests.map((test) => test.result().state);
    const unsteady = tests.filter((test) => test.diagnostic()?.flaky);
    const count = (state: string) => states.filter((each) => each === state).length;
    const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
    const passed = count('passed');
    const failed = count('failed') + brokenFiles + unhandledErrors.length;
    const skipped = states.length - passed - count('failed');
    // On exit, since vitest may still have something to say after the run, and this line has to be the
    // last.
    process.once('exit', () => {
      if (failed > 0 || passed === 0) process.exitCode ||= 1;
      for (const test of unsteady)
        process.stdout.write(
          `passed on the second try: ${test.module.relativeModuleId} > ${test.fullName}: ${firstError(test)}\n`,
        );
      process.stdout.write(
        `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
      );
    });
  }
}

/** What was wrong the first time. */
const firstError = (test: TestCase): string => test.result().errors?.[0]?.message ?? 'no error was kept';
