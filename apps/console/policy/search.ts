import type { PolicyInWords } from '../../../contract/active-policy.ts';

/** What the rules are filtered by, as it stands in the URL. */
export interface PolicySearch {
  readonly q?: string;
}

/** Takes what it knows from a URL and drops the rest. */
export function policySearch({ q }: Readonly<Record<string, unknown>>): PolicySearch {
  return typeof q === 'string' && q !== '' ? { q } : {};
}

type Rule = PolicyInWords['rules'][number];

/** The rules that have each of these words somewhere in what is shown of them. */
export function matching(rules: readonly Rule[], text: string): readonly Rule[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return rules.filter((rule) => {
    const shown = JSON.stringify(Object.values(rule)).toLowerCase();
    return words.every((word) => shown.includes(JSON.stringify(word).slice(1, -1)));
  });
}
