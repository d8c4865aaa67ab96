const FILTERS = ['status', 'action', 'target', 'environment', 'risk'] as const;

/** What the list of requests is filtered by, as it stands in the URL. */
export type RequestsSearch = Readonly<Partial<Record<(typeof FILTERS)[number], string>>>;

/** Takes what it knows from a URL and drops the rest. */
export function requestsSearch(search: Readonly<Record<string, unknown>>): RequestsSearch {
  const known = FILTERS.map((name) => [name, search[name]] as const);
  return Object.fromEntries(known.filter(([, value]) => typeof value === 'string' && value !== ''));
}
