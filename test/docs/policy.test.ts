import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import { KEYS } from '../../policy-files/keys.ts';
import { formatProblem, loadPolicyFolder } from '../../policy-files/compile.ts';
import { loadPolicyTests } from '../../policy-files/tests.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import { runPolicyTests } from '../../policy-authoring/policy-test.ts';
import { withFolder } from '../policy-files/policy-folder.ts';
import { filesBelow, read } from './documents.ts';

const text = read('docs/policy.md');

describe('the key reference', () => {
  const tables = tablesOf(text.slice(text.indexOf('\n## Keys\n')));

  it('has a table for each place where keys may stand, and no other', () => {
    expect([...tables.keys()].sort()).toEqual(Object.keys(KEYS).sort());
  });

  it.each(Object.entries(KEYS))('lists the keys of %s, and which must be there', (location, shape) => {
    const accepted = Object.entries(shape).filter(([, presence]) => typeof presence === 'string');
    expect(Object.fromEntries(tables.get(location) ?? [])).toEqual(Object.fromEntries(accepted));
  });

  it('is all of it: no file is read by keys that stand elsewhere', () => {
    const sources = filesBelow('policy-files').map(read);
    const shapes = sources.flatMap(
      (source) => source.match(/fields\(\{\s*\w+: '(required|optional)'/g) ?? [],
    );
    expect(shapes).toEqual([]);
  });
});

/** By heading, each key with whether it must be there. */
function tablesOf(section: string): ReadonlyMap<string, readonly (readonly [string, string])[]> {
  const parts = section.split(/^### `/m).slice(1);
  return new Map(
    parts.map((part) => {
      const rows = [...part.matchAll(/^\| `([^`]+)` +\| (required)? *\|/gm)];
      return [
        part.slice(0, part.indexOf('`\n')),
        rows.map(([, key = '', presence]) => [key, presence ?? 'optional'] as const),
      ];
    }),
  );
}

type Mapping = Record<string, unknown>;

/** A file of the sample, as data. */
const sample = (file: string): Mapping => parse(read(`policies/${file}`)) as Mapping;

describe('a block of YAML', () => {
  const files: Record<string, string> = {};
  beforeAll(() => {
    for (const file of filesBelow('policies').filter((name) => name.endsWith('.yaml')))
      files[file.slice('policies/'.length)] = read(file);
    // Blocks name a rotation of a service and an argument that the sample does not have.
    files['keyturn.yaml'] = merged('keyturn.yaml', {
      selectors: { oncall: { dba: { source: 'other', schedule: 'X', maximum_staleness: '10m' } } },
    });
    const exporting = sample('actions/data-export.yaml');
    const schema = exporting['arguments'] as { properties: Mapping };
    schema.properties['receiver'] = { type: 'string' };
    files['actions/data-export.yaml'] = stringify(exporting);
  });

  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

  it.each(blocks)('can be pasted into the sample:\n%s', async (block) => {
    const parts = partsOf(block);
    expect([...parts.keys()]).not.toEqual([]);
    // The tests of the page are about its first rule.
    const pasted = parts.has(TESTS) ? new Map([...parts, ...partsOf(blocks[0] ?? '')]) : parts;
    const isRuled = [...pasted.keys()].some((file) => file.startsWith('rules/'));
    const kept = Object.entries(files).filter(
      ([file]) => !file.startsWith('tests/') && !(isRuled && file.startsWith('rules/')),
    );
    const changed = [...pasted].map(([file, part]) => [file, paste(file, part)] as const);
    await withFolder(Object.fromEntries([...kept, ...changed]), async (folder) => {
      const loaded = await loadPolicyFolder(folder, {});
      expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([]);
      if (loaded.ok && pasted.has(TESTS)) expect(await failuresIn(folder, loaded.policy)).toEqual([]);
    });
  });

  function paste(file: string, part: string): string {
    if (file.startsWith('rules/') || file === TESTS) return part;
    expect(files).toHaveProperty([file]);
    return merged(file, parse(part) as Mapping, files[file]);
  }
});

const TESTS = 'tests/sql.yaml';

async function failuresIn(folder: string, policy: PolicySet): Promise<readonly unknown[]> {
  const tests = await loadPolicyTests(folder, policy);
  if (!tests.ok) return tests.problems.map(formatProblem);
  return runPolicyTests(policy, tests.tests).results.flatMap(({ failures }) => failures);
}

/** A block by its files: each part begins with a comment that names one. */
function partsOf(block: string): ReadonlyMap<string, string> {
  const parts = block.split(/^# (?=[\w/-]+\.yaml$)/m).slice(1);
  return new Map(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
}

/** The file of the sample with these keys: mappings and lists of things with ids get more entries. */
function merged(file: string, part: Mapping, whole = read(path.join('policies', file))): string {
  return stringify(mergedValue(parse(whole), part));
}

function mergedValue(old: unknown, fresh: unknown): unknown {
  if (isList(old) && isList(fresh) && fresh.every((entry) => isMapping(entry) && 'id' in entry)) {
    const ids = new Set(fresh.map(({ id }) => id));
    return [...old.filter(({ id }) => !ids.has(id)), ...fresh];
  }
  // An entry that has an id by its key is taken as a whole.
  if (!isMapping(old) || !isMapping(fresh) || 'source' in fresh || 'time_zone' in fresh) return fresh;
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])];
  return Object.fromEntries(
    names.map((name) => [name, name in fresh ? mergedValue(old[name], fresh[name]) : old[name]]),
  );
}

function isList(value: unknown): value is readonly Mapping[] {
  return Array.isArray(value);
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
