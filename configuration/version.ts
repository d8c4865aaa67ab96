import { existsSync, readFileSync } from 'node:fs';

/** Beside the sources, and above what they are compiled into. */
const PATHS = ['../package.json', '../../package.json'];

/** The version of this build, as package.json has it. */
export function programVersion(): string {
  const file = PATHS.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  if (file === undefined) return 'unknown';
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version?: string };
  return version ?? 'unknown';
}
