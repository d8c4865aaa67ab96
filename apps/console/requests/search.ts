const FILTERS = ['q', 'from', 'to', 'status', 'risk', 'action', 'target', 'environment'] as const;

/** What the list of requests is filtered by, as it stands in the URL. */
export type RequestsSearch = Readonly<Partial<Record<(typeof FILTERS)[number], string>>>;

/** Takes what it knows from a URL and drops the rest. */
export function requestsSearch(search: Readonly<Record<string, unknown>>): RequestsSearch {
  const known = FILTERS.map((name) => [name, search[name]] as const);
  return Object.fromEntries(known.filter(([, value]) => typeof value === 'string' && value !== ''));
}

/** The same as the API takes it: days are the viewer's, from the start of the first to the end of the last. */
export function queryOf({ from, to, ...search }: RequestsSearch): RequestsSearch {
  const [first, last] = [dayStart(from, 0), dayStart(to, 1)];
  return { ...search, ...(first !== null && { from: first }), ...(last !== null && { to: last }) };
}

/** The instant at which a day (`2026-01-31`), or one some days later, begins here. Null for what is no day. */
function dayStart(day: string | undefined, later: number): string | null {
  const [year, month, date] = (/^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '') ?? []).slice(1).map(Number);
  if (year === undefined || month === undefined || date === undefined) return null;
  return new Date(year, month - 1, date + later).toISOString();
}
