import type { Act } from './acting.ts';

/** What the page of a request is opened for, as it stands in the URL. */
export interface RequestSearch {
  readonly act?: Act;
}

const ACTS: readonly string[] = ['approve', 'deny', 'defer', 'withdraw', 'take_back'] satisfies readonly Act[];

/** Takes what it knows from a URL and drops the rest. */
export function requestSearch({ act }: Readonly<Record<string, unknown>>): RequestSearch {
  return isAct(act) ? { act } : {};
}

function isAct(value: unknown): value is Act {
  return typeof value === 'string' && ACTS.includes(value);
}
