import { queryOptions, useQuery } from '@tanstack/react-query';

import type { Me } from '../../../contract/me.ts';
import { get } from '../api/calls.ts';

/** What the person may do, by the policy and directory of now. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => get<Me>('/v1/me', {}, signal),
});

/** True for operators. False as long as it is not known. */
export function useIsOperator(): boolean {
  return useQuery(meQuery).data?.is_operator ?? false;
}
