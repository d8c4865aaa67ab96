import { defineConfig } from 'vitest/config';
import { CountsReporter } from './test/stack/reporter.ts';

const never = ['dist/**', 'node_modules/**', '.keyturn/**'];

/**
 * `domain` needs no services and runs as parallel as the machine allows. `system` runs against the real PostgreSQL and
 * Temporal server that its global setup starts once. `full` holds what is too slow for every change.
 */
export default defineConfig({
  test: {
    reporters: ['default', new CountsReporter()],
    pool: 'forks',
    // Only the corpus marks tests as concurrent: each keeps two connections busy.
    maxConcurrency: 2,
    projects: [
      {
        test: {
          name: 'domain',
          include: ['test/domain/**/*.test.ts', 'test/console/**/*.test.ts'],
          exclude: never,
          // Properties run many cases; how long that takes is the machine's matter.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...never, 'test/domain/**', 'test/console/**', 'test/full/**', 'test/compose/whole/**'],
          globalSetup: './test/stack/global-setup.ts',
          // Much of what these do is waiting.
          maxWorkers: 3,
          testTimeout: 120_000,
          // A machine that is busy elsewhere must not decide about a change; a test that fails twice does.
          retry: 1,
          hookTimeout: 180_000,
        },
      },
      {
        // Not a test: records the histories that the replay gate replays.
        test: {
          name: 'record',
          include: ['test/histories/record.ts'],
          exclude: never,
          globalSetup: './test/stack/global-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Not a test either: makes the pictures of the README.
        test: {
          name: 'pictures',
          include: ['test/journeys/console/pictures.ts'],
          exclude: never,
          globalSetup: './test/stack/global-setup.ts',
          hookTimeout: 180_000,
        },
      },
      {
        // Starts docker-compose.yml on a container engine.
        test: {
          name: 'compose',
          include: ['test/compose/whole/**/*.test.ts'],
          exclude: never,
          testTimeout: 900_000,
          hookTimeout: 3_600_000,
        },
      },
      {
        test: {
          name: 'full',
          include: ['test/full/**/*.test.ts'],
          exclude: never,
          globalSetup: './test/stack/global-setup.ts',
          maxWorkers: 1,
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
