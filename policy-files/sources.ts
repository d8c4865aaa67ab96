import { parseFile } from './document.ts';
import type { FileKind, PolicyFolder } from './folder.ts';
import type { NameKind, Names } from './names.ts';
import type { PolicyProblem } from './problem.ts';
import { rulesOf } from './rules.ts';
import type { Value } from './value.ts';

/** The parsed files of a folder by what they hold. */
export interface Sources {
  readonly settings: Value | undefined;
  readonly directory: Value | undefined;
  readonly actions: readonly Value[];
  readonly targets: readonly Value[];
  readonly rules: readonly Value[];
}

/** Names that a kind of file declares: when one of its files cannot be read, not finding them proves nothing. */
const DECLARED_BY: Readonly<Record<FileKind, readonly NameKind[]>> = {
  settings: ['environment', 'calendar', 'freeze', 'rotation', 'table'],
  directory: ['person', 'group', 'agent'],
  actions: ['action', 'resource type'],
  targets: ['target'],
  rules: ['rule'],
  tests: [],
};

export interface SourceContext {
  readonly names: Names;
  readonly problems: PolicyProblem[];
}

interface ParsedKind {
  readonly roots: readonly Value[];
  /** Every file of the kind was read and parsed. */
  readonly isComplete: boolean;
}

/** Parses all files and reports what is missing altogether. */
export function parseFolder(folder: PolicyFolder, context: SourceContext): Sources {
  const parsed = (kind: FileKind): ParsedKind => parseKind(folder, kind, context);
  const entries = (kind: 'actions' | 'targets' | 'rules'): readonly Value[] => {
    const { roots, isComplete } = parsed(kind);
    const found = roots.flatMap(kind === 'rules' ? rulesOf : entriesOf);
    if (found.length === 0 && isComplete) refuse(context, kind, `the policy has no ${kind}`);
    return found;
  };
  return {
    settings: onlyOne('keyturn.yaml', parsed('settings'), context),
    directory: onlyOne('directory.yaml', parsed('directory'), context),
    actions: entries('actions'),
    targets: entries('targets'),
    rules: entries('rules'),
  };
}

function parseKind(folder: PolicyFolder, kind: FileKind, { names, problems }: SourceContext): ParsedKind {
  const files = folder.files.filter((file) => file.kind === kind);
  const roots = files.flatMap((file) => parseFile(file, problems) ?? []);
  const isComplete = roots.length === files.length && !folder.unread.has(kind);
  if (!isComplete || roots.length === 0) names.markIncomplete(...DECLARED_BY[kind]);
  return { roots, isComplete };
}

/** A file of the catalogue holds one entry or a list of them. */
function entriesOf(root: Value): readonly Value[] {
  return root.isList() ? root.list() : [root];
}

function onlyOne(file: string, { roots, isComplete }: ParsedKind, context: SourceContext): Value | undefined {
  const [first, second] = roots;
  second?.refuse(`there is also ${first?.source.file}: only one may exist`);
  if (!first && isComplete) refuse(context, file, 'missing');
  return first;
}

function refuse({ problems }: SourceContext, file: string, message: string): void {
  problems.push({ file, line: 1, column: 1, message });
}
