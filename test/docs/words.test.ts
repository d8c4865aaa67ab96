import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { filesBelow, read } from './documents.ts';

/** Folders whose names and sentences use the field's words. */
const FOLDERS = [
  'apps/cli',
  'domain',
  'policy-authoring',
  'policy-files',
  'scripts',
  'sdk',
  'workflows',
  'contract',
  'configuration',
  'database',
  'activities',
  'apps/console',
  'apps/worker',
  'apps/api',
  'test',
];

/** Names the words that others avoid. */
const LEFT_OUT = 'test/docs/words.test.ts';

/** There, a place is that of a row, a column or an expression. */
const WITH_PLACES = 'activities/connectors/postgres/';

/** Parts of plans, which people sign: a plan that was made before says the same as one made now. */
const KEPT_TEXTS = [
  'activities/connectors/gate-connector.ts',
  'activities/connectors/keyturn-resolution/resolution.ts',
];

/** Words that no name of ours contains, and what to use. Names with an underscore are fields of the wire, of rows, of leaves. */
const NAMES: Readonly<Record<string, string>> = {
  asked: 'input, query, submission, selected',
  asking: 'input, query, submission',
  candidate: 'proposal (of policy)',
  carriage: 'delivery',
  demand: 'requirement',
  demanded: 'required',
  demands: 'requirements',
  duty: 'on call',
  emergencies: 'break-glass requests',
  emergency: 'break-glass',
  ground: 'snapshot, inputs, evidence or context',
  grounds: 'snapshot, inputs, evidence or context',
  judge: 'authorize (a decision), evaluate (policy)',
  judged: 'authorized, evaluated',
  judgement: 'evaluation',
  judges: 'authorizes, evaluates',
  lifted: 'released',
  perform: 'execute',
  performed: 'executed',
  performs: 'executes',
  place: 'step reference, stream position, rule scope, location in a file',
  placed: 'located',
  places: 'see place',
  sight: 'visibility',
  sighted: 'visible',
  tell: 'notify, print',
  thrown: 'engaged',
  told: 'notified',
};

/** Names that stay, and why. */
const KEPT: Readonly<Record<string, string>> = {
  candidate: 'the policy that is compared with `base`: a field of stored plans and of printed reports',
  asked: 'a field of the input of the workflow, which running requests hold',
  demands: 'a key of policy files, and of the policy sets that they compile to',
};

/** Phrases that no comment, text or document contains. */
const PHRASES = /\bwhoever\b|\bwhat became of\b|\bby the wall\b|\bof before\b|\bare asked nothing\b/i;

/** Comments, texts, patterns and names of a program. A template may hold one template in each of its expressions. */
const TOKEN =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$\{(?:[^{}`]|\{[^{}]*\}|`(?:\\.|[^`\\])*`)*\}|[^`\\])*`)|(?<pattern>(?<=[(,=:[!&|?{};\n ])\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*)|(?<name>[A-Za-z_$][\w$]*)/g;

/** Those of today: decisions stay as they were written. */
const pages = filesBelow('docs').filter((file) => /^docs\/[^/]+\.md$/.test(file));

const EXPRESSION = /\$\{((?:[^{}`]|\{[^{}]*\}|`[^`]*`)*)\}/g;

describe.each(FOLDERS)('%s', (folder) => {
  const files = filesBelow(folder).filter((file) => /\.(?:tsx?|mjs)$/.test(file) && file !== LEFT_OUT);

  it('names things with the words of the field', () => {
    const wrong = files.flatMap((file) =>
      [...new Set([...namesIn(read(file)), ...path.basename(file).split('-')])].flatMap((name) =>
        wordsOf(name)
          .filter((word) => !(file.startsWith(WITH_PLACES) && /^place[ds]?$/.test(word)))
          .map((word) => `${file}: ${name}: use ${NAMES[word]}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('has sentences in plain English', () => {
    for (const file of files)
      for (const { 0: text, groups } of read(file).matchAll(TOKEN))
        if (groups?.['comment'] ?? (groups?.['text'] && !KEPT_TEXTS.includes(file)))
          expect(text, file).not.toMatch(PHRASES);
  });
});

it.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...pages])('%s is in plain English', (page) => {
  expect(read(page)).not.toMatch(PHRASES);
});

function namesIn(program: string): string[] {
  return [...program.matchAll(TOKEN)].flatMap(({ 0: token, groups }) => {
    if (groups?.['name']) return [token];
    if (!token.startsWith('`')) return [];
    return [...token.matchAll(EXPRESSION)].flatMap(([, expression]) => namesIn(String(expression)));
  });
}

/** The words of a name that it should not have. */
function wordsOf(name: string): string[] {
  if (name in KEPT || /^[a-z]+_/.test(name)) return [];
  const words = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  return words.map((word) => word.toLowerCase()).filter((word) => word in NAMES);
}
