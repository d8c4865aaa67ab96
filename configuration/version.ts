import { existsSync, readFileSync } from 'node:fs';

/** Beside the sources, and above what they are compiled into. */
const PLACES = ['../package.json', '../../package.json'];

/** The version of this build, as package.json has it. */
export function programVersion(): string {
  const place = PLACES.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  if (place === undefined) return 'unknown';
  const { version } = JSON.parse(readFileSync(place, 'utf8')) as { readonly version?: string };
  return version ?? 'unknown';
}
