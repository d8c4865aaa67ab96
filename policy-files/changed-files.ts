import type { FileChange } from '../domain/request/plan.ts';
import type { PolicySources } from './folder.ts';
import { lineDiff } from './line-diff.ts';

/** No file of a policy has such a name. */
const VARIABLES = 'environment variables';

/** How the files of a policy change, file by file. Without earlier ones every line is new. */
export function changedFiles(before: PolicySources | null, after: PolicySources): readonly FileChange[] {
  const [old, fresh] = [textsOf(before), textsOf(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].sort().flatMap((file) => {
    const diff = lineDiff(old.get(file) ?? '', fresh.get(file) ?? '');
    return diff === '' ? [] : [{ file, diff }];
  });
}

function textsOf(sources: PolicySources | null): ReadonlyMap<string, string> {
  if (sources === null) return new Map();
  const { files, environment } = sources;
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
  return new Map([...Object.entries(files), [VARIABLES, variables.sort().join('')]]);
}
