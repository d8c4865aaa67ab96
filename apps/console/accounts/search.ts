/** How a sign-in with an account to link came back. */
export interface LinkSearch {
  readonly fault?: string;
}

/** What the address says of it. */
export function linkSearch(search: Readonly<Record<string, unknown>>): LinkSearch {
  const { fault } = search;
  return typeof fault === 'string' ? { fault } : {};
}
