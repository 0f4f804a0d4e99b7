import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a run with one plain line, `N passed, N failed` (and `, N skipped` if any were), for whatever reads
 * the output after us. What failed outside of any test counts as failed too: a file that could not be
 * loaded, an error that nobody caught. A run in which no test ran fails.
 */
export class PlainCountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: string) => states.filter((each) => each === state).length;
    const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
    const passed = count('passed');
    const failed = count('failed') + brokenFiles + unhandledErrors.length;
    const skipped = states.length - passed - count('failed');
    // On exit, since vitest may still have something to say after the run, and this line has to be the
    // last.
    process.once('exit', () => {
      if (failed > 0 || passed === 0) process.exitCode ||= 1;
      process.stdout.write(
        `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
      );
    });
  }
}
