/**
 * Lets Temporal's SDK download its development server into the folder given as the argument. A program of its own,
 * because the SDK offers the download only together with a start, and loads its native core for it.
 */
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [downloadDir] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('ERROR') });
try {
  const executable = { type: 'cached-download', downloadDir };
  const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
  await environment.teardown();
} catch (error) {
  // The innermost cause comes last and is the one that helps.
  process.stderr.write(`${error.message.replaceAll('\n', ' ').split(': ').at(-1)}\n`);
  process.exitCode = 1;
}
