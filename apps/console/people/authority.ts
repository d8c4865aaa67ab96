/** Who says something, in words. */
export function authorityWords(authority: string): string {
  if (authority === 'file') return 'policy file';
  if (authority === 'links') return 'linked by the person';
  const [kind = '', ...rest] = authority.split(':');
  const name = rest.join(':');
  if (kind === 'scim') return `provisioning (${name})`;
  return kind === 'claims' ? `tokens of ${name}` : authority;
}
