import path from 'node:path';
import { playStory, type Stage } from '../demo/story.ts';
import { printGuide } from './guide.ts';
import { releaseLock, takeLock, type Lock } from './lock.ts';
import { say } from './progress.ts';
import { lostPortHint, readSettings, refuseTakenPorts, type Settings } from './settings.ts';
import { supervise, type Supervisor } from './supervisor.ts';
import { knownAddresses, startSystem, type Addresses } from './system.ts';

type TakenLock = Extract<Lock, { kind: 'taken' }>;

const AFTER_CRASH_MS = 15_000;
const LOOK_MS = 1_000;

/** A person or a process manager asked for the end. */
class StopRequested extends Error {}

const settings = readSettingsOrEnd();
const lock = takeLock(settings.folder);
process.exit(lock.kind === 'taken' ? await runAll(settings, lock) : await useRunning(settings, lock.owner));

function readSettingsOrEnd(): Settings {
  try {
    return readSettings(process.env, process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}

/** Starts all, stays until something ends it, stops all. Answers the exit code. */
async function runAll(given: Settings, { isAfterCrash }: TakenLock): Promise<number> {
  const supervisor = supervise();
  const stopRequested = onSignals(supervisor);
  try {
    // What a killed start left behind is just being stopped; its ports become free in a moment.
    await refuseTakenPorts(given, isAfterCrash ? AFTER_CRASH_MS : 0);
    await Promise.race([run(given, supervisor), supervisor.failed, stopRequested]);
    return 0;
  } catch (error) {
    if (error instanceof StopRequested) return 0;
    const failure = messageOf(error);
    process.stderr.write(`\n${failure}${lostPortHint(failure)}\n`);
    return 1;
  } finally {
    await supervisor.stop();
    releaseLock(given.folder);
  }
}

async function run(given: Settings, supervisor: Supervisor): Promise<void> {
  say('Starting Keyturn');
  const addresses = await startSystem(given, supervisor);
  if (given.isDemo) return playStory(stageOf(given, addresses));
  printGuide(addresses, given.folder);
  return supervisor.failed;
}

/** A second start in the same folder has nothing to start. The story can be played on what runs. */
async function useRunning(given: Settings, pid: number): Promise<number> {
  if (!given.isDemo) {
    process.stderr.write(
      `Keyturn already runs from this folder (process ${pid}). Stop it with Ctrl-C there.\n`,
    );
    return 1;
  }
  try {
    await playStory(stageOf(given, knownAddresses(given)));
    return 0;
  } catch (error) {
    process.stderr.write(`\n${messageOf(error)}\n`);
    return 1;
  }
}

function stageOf(given: Settings, addresses: Addresses): Stage {
  return { addresses, verificationKeys: path.join(given.folder, 'keys', 'verification.jwks.json') };
}

function onSignals(supervisor: Supervisor): Promise<never> {
  return new Promise((_resolve, reject) => {
    let isStopping = false;
    // npm runs this in a shell, which a signal to npm may end without reaching this process.
    const parent = process.env['npm_lifecycle_event'] === undefined ? null : process.ppid;
    const look = (): void => {
      if (parent !== null && process.ppid !== parent) reject(new StopRequested());
    };
    setInterval(look, LOOK_MS).unref();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (isStopping && signal === 'SIGINT') supervisor.kill();
        isStopping = true;
        reject(new StopRequested());
      });
    }
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
