import fs from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readConsole } from '../../../apps/api/console/built-console.ts';
import type { TestApi } from '../api.ts';
import { ask, HTML, SCRIPT, startConsoleApi, STYLE, writeConsole } from './fixture.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startConsoleApi('console-assets');
});
afterAll(async () => {
  await api.stop();
});

describe('a file of the console', () => {
  it.each([
    ['index-A1.js', 'text/javascript; charset=utf-8'],
    ['index-B2.css', 'text/css; charset=utf-8'],
    ['mark-C3.svg', 'image/svg+xml'],
  ])('%s may be kept for good: its name changes with its content', async (name, type) => {
    const { status, headers } = await ask(api, `/assets/${name}`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': type,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'Accept-Encoding',
      'x-content-type-options': 'nosniff',
    });
    // Opened by itself it does nothing either: an SVG can hold scripts.
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('script-src');
  });

  it.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['*', 'br'],
    ['identity', undefined],
    ['zstd', undefined],
    ['br;q=0, gzip;q=0', undefined],
    [undefined, undefined],
  ])('comes compressed as it was built, for Accept-Encoding %s: %s', async (accepted, coding) => {
    const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
    const answer = await ask(api, '/assets/index-A1.js', { headers });
    expect(answer.headers['content-encoding']).toBe(coding);
    const unpack = coding === 'br' ? brotliDecompressSync : gunzipSync;
    expect((coding === undefined ? answer.bytes : unpack(answer.bytes)).toString()).toBe(SCRIPT);
    expect(Number(answer.headers['content-length'])).toBe(answer.bytes.length);
  });

  it('is sent as it is where the build did not compress it', async () => {
    const answer = await ask(api, '/assets/mark-C3.svg', { headers: { 'accept-encoding': 'br, gzip' } });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.bytes.toString()).toContain('<svg');
  });

  it('has a HEAD, and takes no other method', async () => {
    const head = await ask(api, '/assets/index-B2.css', { method: 'HEAD' });
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    expect(head.headers['content-length']).toBe(String(STYLE.length));
    const post = await ask(api, '/assets/index-B2.css', { method: 'POST' });
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});

describe('no file', () => {
  it.each([
    '/assets/nothing.js',
    '/assets/index-A1.js.br',
    '/assets/index-a1.js',
    '/assets/../secret.txt',
    '/assets/../index.html',
    '/assets/..',
    '/assets/%2e%2e/secret.txt',
    '/assets/..%2fsecret.txt',
    '/assets/%2e%2e%2fsecret.txt',
    '/assets/..%5csecret.txt',
    '/assets/..\\secret.txt',
    '/assets/index-A1.js%00',
    '/assets/%00',
    '/assets/%252e%252e%252fsecret.txt',
    '/assets/%c0%ae%c0%ae/secret.txt',
    '/assets//etc/passwd',
    '/assets/constructor',
    '/assets/__proto__',
    '/assets',
  ])('is at %s, and the page least of all', async (target) => {
    for (const headers of [HTML, { accept: '*/*' }]) {
      const answer = await ask(api, target, { headers });
      // What is not percent-encoded UTF-8 cannot be read at all.
      expect([400, 404], target).toContain(answer.status);
      expect(answer.isPage).toBe(false);
      expect(answer.bytes.toString()).not.toContain('secret');
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });
});

describe('the console is read when the API starts', () => {
  it.each([
    ['index.html', 'without a nonce', /does not hold __NONCE__/],
    ['assets/index-A1.js.map', 'of a kind that is not sent', /no known type: .*index-A1\.js\.map/],
  ])('which refuses %s %s', async (name, _what, wanted) => {
    const folder = writeConsole(`console-${path.basename(name)}`);
    fs.writeFileSync(path.join(folder, name), '<!doctype html>');
    await expect(readConsole(folder)).rejects.toThrow(wanted);
  });

  it('as the build leaves it: each file that its page names is there, and no script stands inside of it', async () => {
    const built = await readConsole();
    const page = built.page('a-nonce');
    const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => String(name));
    for (const name of named)
      if (!name.startsWith('data:image/'))
        expect([...built.assets.keys()]).toContain(name.replace(/^\/assets\//, ''));
    expect(page).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/);
    for (const [name, { compressed }] of built.assets)
      if (/\.(?:js|css)$/.test(name)) expect([...compressed.keys()], name).toEqual(['br', 'gzip']);
  });
});
