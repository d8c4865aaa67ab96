import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { readIssuers } from '../../configuration/issuers.ts';
import { readScim } from '../../apps/api/scim/authorities.ts';
import { readOnCallSources } from '../../apps/worker/on-call/sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = 'hunter2-hunter2';

it.each([
  ['cut', `sources: [{ token: "${SECRET}`],
  ['with a tab', `sources:\n\t- token: ${SECRET}`],
  ['with a key twice', `${SECRET}: 1\n${SECRET}: 2`],
  ['with an alias that leads nowhere', `a: *${SECRET}`],
  ['of another form', `- ${SECRET}`],
  ['with an unknown key', `${SECRET}: 1`],
  [
    'with a token where its reference belongs',
    `sources: [{ name: p, kind: http, url: "https://x/{schedule}", issuer: "https://x", token: ${SECRET} }]`,
  ],
  [
    'with a token where its hash belongs',
    `authorities: [{ name: okta, issuer: "https://x", token_sha256: [${SECRET}] }]`,
  ],
  [
    'with a URL that holds a password',
    `issuers: [{ issuer: "ftp://a:${SECRET}@x", audience: k, algorithms: [none] }]`,
  ],
])('a configured file %s is refused by variable and path, without its content', async (_what, text) => {
  const path = join(folder, 'file.yaml');
  writeFileSync(path, text);
  const readers = { KEYTURN_ISSUERS: readIssuers, KEYTURN_SCIM: readScim, KEYTURN_ONCALL: readOnCallSources };
  for (const [variable, read] of Object.entries(readers)) {
    const error: unknown = await read(path).catch((reason: unknown) => reason);
    expect((error as Error).message).toMatch(new RegExp(`^${variable}: ${path} `));
    expect(String((error as Error).stack)).not.toContain('hunter2');
  }
});

it('an unknown key of a configured file is named when it is a word', async () => {
  const path = join(folder, 'word.yaml');
  writeFileSync(
    path,
    'issuers: [{ issuer: "https://x", audience: k, algorithms: [ES256], human_clients: [a] }]',
  );
  await expect(readIssuers(path)).rejects.toThrow('issuers.0: an unknown key human_clients');
});

it('the client of the command line is never that of the console: its tokens would be of the audience of proofs', async () => {
  const path = join(folder, 'clients.yaml');
  const console = '{ client_id: web, authentication: none, trust: human }';
  const issuer = `issuer: "https://x", audience: k, algorithms: [ES256], console: ${console}`;
  writeFileSync(path, `issuers: [{ ${issuer}, cli_client: web }]`);
  await expect(readIssuers(path)).rejects.toThrow('must be another client');
  writeFileSync(path, `issuers: [{ ${issuer}, cli_client: cli }]`);
  expect((await readIssuers(path)).size).toBe(1);
});
