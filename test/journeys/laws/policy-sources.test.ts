import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../../contract/requests.ts';
import type { PolicySources } from '../../../policy-files/folder.ts';
import { openCast, type Cast } from './cast.ts';

/** Reviewers of a policy read its files, and what is activated is what those files compile to. */

const RULES = 'rules/by-environment.yaml';

let cast: Cast;
let folder: string;
beforeAll(async () => {
  cast = await openCast();
  folder = await mkdtemp(join(tmpdir(), 'keyturn-sources-'));
  await cp(join(import.meta.dirname, '../../stack/policies'), folder, { recursive: true });
});
afterAll(async () => {
  await cast.stack.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Adds lines to the file of rules, and asks for the folder to be published. Answers the request once it is planned. */
async function publish(lines: string): Promise<RequestView> {
  const file = join(folder, RULES);
  await writeFile(file, `${await readFile(file, 'utf8')}${lines}`);
  const request = await cast.stack.cli(['policy', 'publish', folder], { KEYTURN_TOKEN: cast.ada });
  expect(request.code, request.stderr).toBe(0);
  const id = /\breq_[a-z2-7]{26}\b/.exec(request.stdout)?.[0] ?? '';
  await cast.stack.waitForStatus(id, 'pending', 120_000);
  return cast.show(cast.olga, id);
}

function forbidding(id: string, comment: string): string {
  return `  # ${comment}\n  - { id: ${id}, on: { action: [postgres.execute], env: [sandbox] }, effect: forbid }\n`;
}

async function active(): Promise<{ readonly digest: string; readonly sources: PolicySources }> {
  const { rows } = await cast.stack.keyturnDb.query<{ digest: string; sources: string }>(
    'select digest, sources from keyturn.policy_active join keyturn.policy_set using (digest)',
  );
  const { digest = '', sources = '{}' } = rows[0] ?? {};
  return { digest, sources: JSON.parse(sources) as PolicySources };
}

/** Changes the stored files of what a request publishes, as only the owner of the database could. */
async function tamper(request: RequestView, [before, after]: readonly [string, string]): Promise<void> {
  await cast.stack.keyturnDb.query(
    'update keyturn.policy_candidate set sources = replace(sources, $2, $3) where digest = $1',
    [request.arguments?.['candidate'], before, after],
  );
}

async function approve(id: string): Promise<void> {
  expect((await cast.stack.decide(cast.olga, id)).status).toBeLessThan(300);
}

describe('the files of a policy', () => {
  it('are read by reviewers line by line, and are what the next change is compared with', async () => {
    const first = await publish(forbidding('first', 'Nothing runs there \u202e any more'));
    const { files } = first.plan ?? {};
    expect(files?.map(({ file }) => file)).toEqual([RULES]);
    const lines = forbidding('first', 'Nothing runs there \u202e any more').trimEnd().split('\n');
    expect(files?.[0]?.diff.split('\n').filter((line) => /^[+-]/.test(line))).toEqual(
      lines.map((line) => `+${line}`),
    );
    const shown = await cast.stack.cli(['show', first.id], { KEYTURN_TOKEN: cast.olga });
    expect(shown.stdout).toContain('    | +  # Nothing runs there <U+202E> any more\n');
    expect(shown.stdout).toContain(`  Changes to ${RULES}, in their author's words:\n`);
    await approve(first.id);
    await cast.stack.waitForStatus(first.id, 'succeeded');
    expect((await active()).sources.files[RULES]).toBe(await readFile(join(folder, RULES), 'utf8'));
    const second = await publish(forbidding('second', 'Nor after that'));
    const diff = second.plan?.files?.[0]?.diff ?? '';
    expect(diff).toContain('\n   # Nothing runs there \u202e any more\n');
    expect(diff.match(/^\+/gm)).toHaveLength(2);
    await approve(second.id);
    await cast.stack.waitForStatus(second.id, 'succeeded');
  });

  it('that were changed after the plan into another policy are not activated, no matter who approved', async () => {
    const before = await active();
    const request = await publish(forbidding('third', 'Sandbox only'));
    await tamper(request, ['[sandbox] }, effect: forbid', '[prod] }, effect: forbid']);
    await approve(request.id);
    const { failure } = await cast.stack.waitForStatus(request.id, 'failed');
    expect(failure).toMatchObject({
      code: 'policy_invalid',
      detail: expect.stringMatching(/^The stored files of this policy compile to another one, sha256:/),
    });
    expect(await active()).toEqual(before);
  });

  it('whose comments were changed after the plan are shown again before anything is activated', async () => {
    const before = await active();
    const request = await publish(forbidding('fourth', 'As written'));
    await tamper(request, ['As written', 'Approved by everybody']);
    await approve(request.id);
    await expect
      .poll(async () => (await cast.show(cast.olga, request.id)).round, { timeout: 60_000 })
      .toBe(2);
    const again = await cast.show(cast.olga, request.id);
    expect([again.status, again.plan?.files?.[0]?.diff]).toEqual([
      'pending',
      expect.stringContaining('+  # Approved by everybody'),
    ]);
    expect(await active()).toEqual(before);
  });
});
