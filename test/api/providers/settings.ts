import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

const DOCS = path.join(import.meta.dirname, '..', '..', '..', 'docs');

/** An issuer, as the documentation says to configure it. */
export interface DocumentedIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly human?: { readonly clients: readonly string[]; readonly scope: string };
}

/** What the documentation says to set for a provider. */
export interface DocumentedProvider {
  readonly name: string;
  readonly issuer: DocumentedIssuer;
  readonly scim: Readonly<Record<string, string>> | null;
}

/** What docs/identity-providers.md says to set, by its sections; addresses moved to `base`, a folder a provider. */
export function documentedProviders(base: string): readonly DocumentedProvider[] {
  const sections = readFileSync(path.join(DOCS, 'identity-providers.md'), 'utf8').split(/^## /m).slice(1);
  return sections.map((section, index) => {
    const name = section.split('\n', 1)[0] ?? '';
    const moved = section.replaceAll(/^issuer: https:\/\/[^/\s]+/gm, `issuer: ${base}/${index}`);
    const blocks = [...moved.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => parse(text) as unknown);
    const [issuer, scim] = blocks;
    return { name, issuer: issuer as DocumentedIssuer, scim: (scim ?? null) as DocumentedProvider['scim'] };
  });
}

/** Who can use a provider, by the table of docs/operating.md. */
export function documentedUses(): ReadonlyMap<string, { readonly people: string; readonly agents: string }> {
  const text = readFileSync(path.join(DOCS, 'operating.md'), 'utf8');
  const rows = text.matchAll(/^\| ([^|]+) \| (yes|no) \| (yes|no) \| [^|]+ \|$/gm);
  return new Map(
    [...rows].map(([, name = '', people = '', agents = '']) => [name.trim(), { people, agents }]),
  );
}
