import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends every run with one line that a person or a script can rely on: `N passed, N failed, N skipped`. Before it stands
 * each test that passed only when it was tried again: a retry hides a race.
 */
export class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        const retries = test.diagnostic()?.retryCount ?? 0;
        if (state === 'passed' && retries > 0)
          process.stdout.write(`retried: ${module.relativeModuleId} > ${test.fullName}\n`);
        // A test that never came to an end has not passed.
        counts[state === 'pending' ? 'failed' : state] += 1;
      }
      // A file that could not be loaded, or whose set-up broke, fails without any failed test.
      if (module.errors().length > 0) counts.failed += 1;
    }
    counts.failed += unhandledErrors.length;
    process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
}
