import type { SyntaxNode } from './engine.ts';
import type { FactType } from './fact-type.ts';

/** `; …` where these letters are a word that a fact can be: whoever wrote them left out the quotes. Else nothing. */
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
  switch (type.kind) {
    case 'string':
      if (type.names?.known.includes(word)) return type.names.what;
      return type.enum?.includes(word) ? 'text' : null;
    case 'list':
      return whatIs(word, type.items);
    case 'map':
      return whatIs(word, type.values);
    case 'object':
      for (const field of Object.values(type.fields)) {
        const what = whatIs(word, field.type);
        if (what !== null) return what;
      }
      return null;
    case 'int':
    case 'double':
    case 'bool':
    case 'any':
      return null;
  }
}
