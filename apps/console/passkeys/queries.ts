import { useQuery } from '@tanstack/react-query';

import type { PasskeyList } from '../../../contract/passkeys.ts';
import { get } from '../api/calls.ts';

export const PASSKEYS = ['passkeys'];

/** The passkeys of somebody: of the person herself where none is named. */
export function usePasskeysOf(person?: string) {
  return useQuery({
    queryKey: [...PASSKEYS, person ?? ''],
    queryFn: ({ signal }) => get<PasskeyList>('/v1/passkeys', { person }, signal),
  });
}
