import type { Filter, FilterOperator } from '../../../database/scim-filter.ts';
import { scimRefusal } from '../http/scim-errors.ts';

/** A simple element, such as a member of a group: text attributes by lower-case name. */
export type Element = Readonly<Record<string, string | undefined>>;

/** True when the element matches the filter. Refuses (`invalidFilter`) attributes that elements do not have. */
export function isMatching(element: Element, filter: Filter): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.terms.every((term) => isMatching(element, term));
    case 'or':
      return filter.terms.some((term) => isMatching(element, term));
    case 'not':
      return !isMatching(element, filter.term);
    case 'present':
      return valueOf(element, filter.attribute) !== undefined;
    case 'within':
      throw scimRefusal('invalidFilter', 'A member has no parts.');
    case 'compare':
      return isEqualBy(filter.operator, valueOf(element, filter.attribute), filter.value);
  }
}

function valueOf(element: Element, attribute: string): string | undefined {
  if (!Object.hasOwn(element, attribute))
    throw scimRefusal('invalidFilter', 'The filter names an attribute that members do not have.');
  return element[attribute];
}

const COMPARISONS: Readonly<Record<FilterOperator, (found: string, value: string) => boolean>> = {
  eq: (found, value) => found === value,
  ne: (found, value) => found !== value,
  co: (found, value) => found.includes(value),
  sw: (found, value) => found.startsWith(value),
  ew: (found, value) => found.endsWith(value),
};

function isEqualBy(operator: FilterOperator, found: string | undefined, value: unknown): boolean {
  if (found === undefined || typeof value !== 'string') return operator === 'ne';
  return COMPARISONS[operator](found, value);
}
