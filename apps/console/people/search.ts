/** What the list is filtered by, as it stands in the URL. */
export interface PeopleSearch {
  readonly q?: string;
}

/** Takes what it knows from a URL and drops the rest. */
export function peopleSearch({ q }: Readonly<Record<string, unknown>>): PeopleSearch {
  return typeof q === 'string' && q !== '' ? { q } : {};
}
