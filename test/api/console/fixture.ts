import fs from 'node:fs';
import http, { type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { readConsole } from '../../../apps/api/console/built-console.ts';
import { testFolder } from '../../stack/temporal.ts';
import { startApi, type TestApi } from '../api.ts';

export const SCRIPT = 'console.log("console");\n'.repeat(50);
/** Only the page holds it. */
const MARK = 'the page itself';

export const STYLE = 'body { margin: 0 }';

/** A console of a few files, as the build leaves one. */
export function writeConsole(name: string): string {
  const folder = path.join(testFolder(), name);
  const assets = path.join(folder, 'assets');
  fs.mkdirSync(assets, { recursive: true });
  const page = `<!doctype html><meta property="csp-nonce" nonce="__NONCE__"><style nonce="__NONCE__"></style><p>${MARK}</p>`;
  fs.writeFileSync(path.join(folder, 'index.html'), page);
  fs.writeFileSync(path.join(folder, 'secret.txt'), 'secret');
  for (const [file, text] of [
    ['index-A1.js', SCRIPT],
    ['index-B2.css', STYLE],
  ] as const) {
    fs.writeFileSync(path.join(assets, file), text);
    fs.writeFileSync(path.join(assets, `${file}.br`), brotliCompressSync(text));
    fs.writeFileSync(path.join(assets, `${file}.gz`), gzipSync(text));
  }
  fs.writeFileSync(path.join(assets, 'mark-C3.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  return folder;
}

/** An API that serves it. */
export async function startConsoleApi(
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestApi> {
  return startApi(environment, undefined, await readConsole(writeConsole(name)));
}

interface Sent {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** What was answered, byte by byte. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly isPage: boolean;
}

/** Sends a path as it is: `fetch` would tidy it first. */
export function ask(
  api: TestApi,
  target: string,
  { method = 'GET', headers = {} }: Sent = {},
): Promise<Answer> {
  const { hostname: host, port } = new URL(api.url);
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, path: target, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const isPage = bytes.includes(MARK);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, isPage });
      });
    });
    request.on('error', reject).end();
  });
}

/** What a browser sends along when it opens an address. */
export const HTML = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
};
