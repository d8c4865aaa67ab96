import { playStory } from '../demo/story.ts';
import { printGuide } from './guide.ts';
import { releaseLock, takeLock } from './lock.ts';
import { say } from './progress.ts';
import { readSettings, refuseTakenPorts, type Settings } from './settings.ts';
import { supervise, type Supervisor } from './supervisor.ts';
import { addressesOf, startSystem } from './system.ts';

/** A person or a process manager asked for the end. */
class StopRequested extends Error {}

const settings = readSettingsOrEnd();
const owner = takeLock(settings.folder);
if (owner === null) process.exitCode = await runAll(settings);
else process.exitCode = await useRunning(settings, owner);
process.exit();

function readSettingsOrEnd(): Settings {
  try {
    return readSettings(process.env, process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}

/** Starts all, stays until something ends it, stops all. Answers the exit code. */
async function runAll(given: Settings): Promise<number> {
  const supervisor = supervise();
  const stopRequested = onSignals(supervisor);
  try {
    await Promise.race([run(given, supervisor), supervisor.failed, stopRequested]);
    return 0;
  } catch (error) {
    if (error instanceof StopRequested) return 0;
    process.stderr.write(`\n${messageOf(error)}\n`);
    return 1;
  } finally {
    say();
    await supervisor.stop();
    releaseLock(given.folder);
    say('Stopped. What happened is kept in .keyturn/; the next start goes on from there.');
  }
}

async function run(given: Settings, supervisor: Supervisor): Promise<void> {
  await refuseTakenPorts(given);
  say('Starting Keyturn');
  const addresses = await startSystem(given, supervisor);
  if (given.isDemo) return playStory({ addresses, folder: given.folder });
  printGuide(addresses);
  return supervisor.failed;
}

/** A second start in the same folder has nothing to start. The story can be played on what runs. */
async function useRunning(given: Settings, pid: number): Promise<number> {
  if (!given.isDemo) {
    process.stderr.write(`Keyturn already runs from this folder (process ${pid}). Stop it with Ctrl-C there.\n`);
    return 1;
  }
  try {
    await playStory({ addresses: addressesOf(given), folder: given.folder });
    return 0;
  } catch (error) {
    process.stderr.write(`\n${messageOf(error)}\n`);
    return 1;
  }
}

function onSignals(supervisor: Supervisor): Promise<never> {
  return new Promise((_resolve, reject) => {
    let isAsked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (isAsked && signal === 'SIGINT') supervisor.kill();
        isAsked = true;
        reject(new StopRequested());
      });
    }
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
