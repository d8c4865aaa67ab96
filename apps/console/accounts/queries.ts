import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import type { AccountLinkView, AccountList, BegunAccountLink } from '../../../contract/accounts.ts';
import { get } from '../api/calls.ts';
import { meQuery } from '../session/me.ts';
import { usePost } from '../session/session.ts';

const ACCOUNTS = ['accounts'];

/** The accounts of somebody: of the person herself where none is named. */
export function useAccountsOf(person?: string) {
  return useQuery({
    queryKey: [...ACCOUNTS, person ?? ''],
    queryFn: ({ signal }) => get<AccountList>('/v1/accounts', { person }, signal),
  });
}

/** Begins a link: the browser leaves for the sign-in with the other account. */
export function useBeginLink() {
  const send = usePost();
  return useMutation({
    mutationFn: async (issuer: string) =>
      (await send<BegunAccountLink>('/v1/account-links', { body: { issuer } })).answer,
    onSuccess: ({ address }) => location.assign(address),
  });
}

/** The link that was begun in this session, with both accounts. */
export function useBegunLink(id: string) {
  return useQuery({
    queryKey: ['account-link', id],
    queryFn: ({ signal }) => get<BegunAccountLink>(`/v1/account-links/${encodeURIComponent(id)}`, {}, signal),
  });
}

/** Confirms a link, or removes it. */
export function useLinkCall(what: 'confirm' | 'remove', done: () => void) {
  const send = usePost();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => send<AccountLinkView>(`/v1/account-links/${encodeURIComponent(id)}/${what}`),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ACCOUNTS });
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
      done();
    },
  });
}
