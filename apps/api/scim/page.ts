import type { Page } from '../../../database/scim-resources.ts';
import { scimRefusal } from '../http/scim-errors.ts';
import { parseFilter } from './filter.ts';

const COUNT_DEFAULT = 100;
const COUNT_MAX = 200;
const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** Which attributes an answer has. `id`, `schemas` and `meta` are always there. */
export interface Selection {
  readonly only: ReadonlySet<string> | null;
  readonly without: ReadonlySet<string>;
}

/** The page of a query (RFC 7644 section 3.4.2.4): values out of bounds are moved inside, others than numbers refused. */
export function pageOf(query: unknown): Page {
  const filter = parameter(query, 'filter');
  return {
    startIndex: Math.max(1, integer(query, 'startIndex') ?? 1),
    count: Math.min(COUNT_MAX, Math.max(0, integer(query, 'count') ?? COUNT_DEFAULT)),
    filter: filter === null ? null : parseFilter(filter),
  };
}

/** The attributes that a query selects. */
export function selectionOf(query: unknown): Selection {
  const only = parameter(query, 'attributes');
  return {
    only: only === null ? null : names(only),
    without: names(parameter(query, 'excludedAttributes') ?? ''),
  };
}

/** True when the answer has the attribute. */
export function isSelected({ only, without }: Selection, attribute: string): boolean {
  const name = attribute.toLowerCase();
  if (name === 'id' || name === 'schemas' || name === 'meta') return true;
  return only === null ? !without.has(name) : only.has(name);
}

/** The selected attributes of a resource. */
export function selected<Resource extends object>(
  resource: Resource,
  selection: Selection,
): Partial<Resource> {
  return Object.fromEntries(
    Object.entries(resource).filter(([name]) => isSelected(selection, name)),
  ) as Partial<Resource>;
}

/** A list as SCIM answers it. */
export function listAnswer(resources: readonly object[], total: number, startIndex: number): object {
  return {
    schemas: [LIST_SCHEMA],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}

function names(list: string): ReadonlySet<string> {
  // A part of an attribute brings the whole attribute.
  const named = list.toLowerCase().split(',');
  return new Set(
    named.map((name) =>
      name
        .trim()
        .replace(/^urn:.*:/, '')
        .replace(/\..*/, ''),
    ),
  );
}

function parameter(query: unknown, name: string): string | null {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string') throw scimRefusal('invalidValue', `${name} is given more than once.`);
  return value;
}

function integer(query: unknown, name: string): number | null {
  const text = parameter(query, name);
  if (text === null) return null;
  if (!/^-?\d{1,9}$/.test(text)) throw scimRefusal('invalidValue', `${name} must be a whole number.`);
  return Number(text);
}
