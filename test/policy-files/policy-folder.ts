import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { formatProblem, loadPolicyFolder, type PolicyLoadResult } from '../../policy-files/compile.ts';
import { findingsOfSources, type PolicyFindings } from '../../policy-files/validation.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import { sourcesOf } from './decompile.ts';

/** Files by path relative to the policy folder; null leaves a file out. */
export type Files = Readonly<Record<string, string | Uint8Array | null>>;

/** A change of the valid policy that makes it wrong, and the problem that it is refused with. */
export type Mistake = readonly [what: string, changes: Files, problem: string];

/** A small policy without a mistake. */
export const VALID = {
  'keyturn.yaml': `version: keyturn/v1
environments: [staging, prod]
defaults:
  effect: review
  require:
    stages: [{ any: [owners], quorum: 1 }]
    expires: 8h
    maximum_age: 1h
`,
  'directory.yaml': `issuers:
  demo: \${TEST_ISSUER:-http://127.0.0.1:7082}
people:
  - { id: ada, accounts: [{ issuer: demo, subject: ada }] }
  - { id: olga, name: Olga, accounts: [{ issuer: demo, subject: olga }] }
agents:
  - { id: billing, issuer: demo, subject: agent-billing, owner: ada }
groups:
  - { id: dba, members: [olga] }
  - { id: everyone, members: [ada], groups: [dba] }
`,
  'actions/sql.yaml': `action: postgres.execute
schema_version: 1
title: Run SQL
connector: postgres.execute
resource_type: postgres.database
arguments:
  type: object
  properties:
    statement: { type: string }
`,
  'targets/shop.yaml': `id: shop
title: Shop
resource_type: postgres.database
environment: prod
owners: [group:dba]
connection:
  url: env:KEYTURN_TARGET_SHOP_URL
  statement_role: writer
`,
  'rules/sql.yaml': `rules:
  - id: sql
    on: { action: [postgres.execute], env: [prod] }
    effect: review
    require:
      stages: [{ any: [group:dba], quorum: 1 }]
`,
} as const satisfies Files;

/** Runs `use` with a folder that holds these files, and removes it. */
export async function withFolder<Result>(
  files: Files,
  use: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-policy-'));
  try {
    for (const [file, content] of Object.entries(files)) {
      if (content === null) continue;
      await mkdir(join(directory, dirname(file)), { recursive: true });
      await writeFile(join(directory, file), content);
    }
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Loads the valid policy with these changes. */
export async function load(
  changes: Files,
  environment: Readonly<Record<string, string>> = {},
): Promise<PolicyLoadResult> {
  return withFolder({ ...VALID, ...changes }, (directory) => loadPolicyFolder(directory, environment));
}

/** The problems of the valid policy with these changes, formatted. Empty when it loads. */
export async function problemsOf(
  changes: Files,
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  return formatted(await load(changes, environment));
}

/** The problems of a result, formatted. */
export function formatted(result: PolicyLoadResult): readonly string[] {
  return result.ok ? [] : result.problems.map(formatProblem);
}

/** The policy of the valid folder with these changes. */
export async function policyOf(
  changes: Files,
  environment: Readonly<Record<string, string>> = {},
): Promise<PolicySet> {
  const result = await load(changes, environment);
  if (!result.ok) throw new Error(formatted(result).join('\n'));
  return result.policy;
}

/** What is found where the valid policy with these changes is proposed. */
export function findingsOf(changes: Files): PolicyFindings {
  const files = Object.entries({ ...VALID, ...changes }).filter(([, text]) => text !== null);
  return findingsOfSources({
    sources: JSON.stringify({ files: Object.fromEntries(files), environment: {} }),
  });
}

/** What is found where a set that a test has written by hand is proposed. */
export function findingsOfSet(policy: PolicySet): PolicyFindings {
  return findingsOfSources({ sources: JSON.stringify(sourcesOf(policy)) });
}

/** The file of the valid policy with one line (counted from 1) replaced. */
export function withLine(file: keyof typeof VALID, line: number, text: string): Files {
  const lines = VALID[file].split('\n');
  if (lines[line - 1] === undefined) throw new Error(`${file} has no line ${line}`);
  return { [file]: lines.toSpliced(line - 1, 1, ...text.split('\n')).join('\n') };
}
