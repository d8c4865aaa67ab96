import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

import type { JsonValue } from '../../domain/crypto/canonical-json.ts';

/** One statement of the corpus, with what is expected beyond that its plan is true. */
export interface CorpusStatement {
  readonly text: string;
  /** Part of the sample that every change is tested with. */
  readonly isSampled: boolean;
  /** Columns that may be left to the execution; null where nobody has said which. */
  readonly assigned: readonly string[] | null;
  /** Tables that triggers write which the target does not vouch for, so that the plan cannot know it. */
  readonly unknown: readonly string[];
}

/** A schema with statements over it. */
export interface Subject {
  readonly name: string;
  readonly setUp: string;
  /** What the target's connection says beyond its roles. */
  readonly connection: Readonly<Record<string, JsonValue>>;
  readonly statements: readonly CorpusStatement[];
}

const STATEMENTS = /^-- statements$/m;

/**
 * Reads a subject: SQL of the set-up, a line `-- statements`, then statements that end with `;` at the end of a line.
 * A first line `-- target: {…}` is for the target's connection. In front of a statement, `-- sampled` puts it into the
 * sample and `-- assigned: a, b` names columns whose values may be known at execution only;
 * `-- unknown: a, b` names tables that only triggers write that are not on the target's list.
 */
export function readSubject(file: string): Subject {
  const text = readFileSync(file, 'utf8');
  const [setUp = '', statements = ''] = text.split(STATEMENTS);
  return {
    name: basename(file, '.sql'),
    ...readTarget(setUp),
    statements: statements
      .split(/;\s*$/m)
      .map((part) => part.trim())
      .filter((part) => part.replaceAll(/^--.*$/gm, '').trim() !== '')
      .map(statementOf),
  };
}

/** A set-up with what its line `-- target: {…}` says. */
export function readTarget(setUp: string): Pick<Subject, 'setUp' | 'connection'> {
  const connection = /^-- target: (\{.*\})$/m.exec(setUp)?.[1] ?? '{}';
  return { setUp, connection: JSON.parse(connection) as Record<string, JsonValue> };
}

function statementOf(part: string): CorpusStatement {
  const lines = part.split('\n');
  const notes = lines.filter((line) => line.startsWith('-- '));
  return {
    text: lines
      .filter((line) => !line.startsWith('-- '))
      .join('\n')
      .trim(),
    isSampled: notes.includes('-- sampled'),
    assigned: listOf(notes, '-- assigned: '),
    unknown: listOf(notes, '-- unknown: '),
  };
}

function listOf(notes: readonly string[], head: string): readonly string[] {
  return (
    notes
      .find((line) => line.startsWith(head))
      ?.slice(head.length)
      .split(', ') ?? []
  );
}
