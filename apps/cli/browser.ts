import { spawn } from 'node:child_process';

import { apiUrl, type ApiOptions } from './connection.ts';
import type { Terminal } from './terminal.ts';

/** A page of the console. The API serves it, and leads to the address that it has for people. */
export function consolePage(path: string, options: Pick<ApiOptions, 'api'>, terminal: Terminal): URL {
  return new URL(path, apiUrl(options, terminal));
}

/**
 * Opens an address in the person's browser, where a person sits at a screen that has one. The address is an argument of a
 * program, never part of a command line; whatever goes wrong is no matter, since it was printed before.
 */
export function openInBrowser(address: URL, terminal: Terminal): void {
  const opener = openerOf(terminal);
  if (opener === null || !['http:', 'https:'].includes(address.protocol)) return;
  const [program, ...args] = opener;
  const child = spawn(program, [...args, address.href], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

function openerOf({ isInteractive, environment }: Terminal): readonly [string, ...string[]] | null {
  if (!isInteractive) return null;
  if (process.platform === 'darwin') return ['open'];
  // `start` is a word of the shell, which would read the address: this program is not.
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const hasScreen = ['DISPLAY', 'WAYLAND_DISPLAY'].some((name) => environment[name]);
  return hasScreen ? ['xdg-open'] : null;
}
