import type { SyntaxNode } from './engine.ts';
import type { FactType } from './fact-type.ts';

/** `; …` where these letters are a word that a fact can be: then its quotes are missing. Else nothing. */
export function quotesHint(word: string, variables: Readonly<Record<string, FactType>>): string {
  for (const type of Object.values(variables)) {
    const what = whatIs(word, type);
    if (what !== null) return `; the ${what} of that name is written in quotes: "${word}"`;
  }
  return '';
}

/** The letters of a name, also of one with hyphens, which the language reads as minus. Null for anything else. */
export function bareName(node: SyntaxNode): string | null {
  const name = spelled(node);
  return name?.length === node.end - node.start ? name : null;
}

function spelled(node: SyntaxNode): string | null {
  if (node.op === 'id') return node.args;
  if (node.op === 'value' && typeof node.args === 'bigint') return String(node.args);
  if (node.op !== '-') return null;
  const [left, right] = node.args.map(spelled);
  return left != null && right != null ? `${left}-${right}` : null;
}

/** What a word is among the values of a type; null where it is none of them. */
function whatIs(word: string, type: FactType): string | null {
  if (type.kind === 'string') {
    if (type.names?.known.includes(word)) return type.names.what;
    return type.enum?.includes(word) ? 'text' : null;
  }
  for (const inner of typesIn(type)) {
    const what = whatIs(word, inner);
    if (what !== null) return what;
  }
  return null;
}

function typesIn(type: FactType): readonly FactType[] {
  if (type.kind === 'list') return [type.items];
  if (type.kind === 'map') return [type.values];
  return type.kind === 'object' ? Object.values(type.fields).map((field) => field.type) : [];
}
