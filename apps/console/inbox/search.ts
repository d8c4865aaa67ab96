/** What the inbox is filtered and sorted by, as it stands in the URL. */
export interface InboxSearch {
  readonly scope?: 'groups' | 'all';
  readonly sort?: 'newest';
  readonly q?: string;
}

/** Takes what it knows from a URL and drops the rest. */
export function inboxSearch({ scope, sort, q }: Readonly<Record<string, unknown>>): InboxSearch {
  return {
    ...((scope === 'groups' || scope === 'all') && { scope }),
    ...(sort === 'newest' && { sort }),
    ...(typeof q === 'string' && q !== '' && { q: q.slice(0, 200) }),
  };
}
