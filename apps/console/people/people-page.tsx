import { Button, Loader, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';

import type { PeoplePage as Answer, PersonLine } from '../../../contract/people.ts';
import { get } from '../api/calls.ts';
import { Section } from '../request/section.tsx';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { authorityWords } from './authority.ts';
import classes from './people.module.css';

const route = getRouteApi('/people');

/** The directory as the server sees it, with who says what. */
export function PeoplePage() {
  const { q = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const people = useInfiniteQuery({
    queryKey: ['people', q],
    queryFn: ({ pageParam, signal }) => get<Answer>('/v1/people', { q, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next,
  });
  const found = people.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Page title="People">
      <TextInput
        mb="sm"
        maw="36rem"
        type="search"
        maxLength={200}
        aria-label="Search people"
        placeholder="Id, name or account"
        value={q}
        onChange={({ currentTarget: { value } }) =>
          void navigate({ search: value === '' ? {} : { q: value }, replace: true })
        }
      />
      {people.isPending && <Loader size="sm" aria-label="Loading" />}
      {people.error && <Failure error={people.error} retry={() => void people.refetch()} />}
      {people.data && <Found people={found} isSearched={q !== ''} />}
      {people.hasNextPage && (
        <Button
          mt="sm"
          variant="default"
          loading={people.isFetchingNextPage}
          onClick={() => void people.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </Page>
  );
}

interface FoundProps {
  readonly people: readonly PersonLine[];
  readonly isSearched: boolean;
}

function Found({ people, isSearched }: FoundProps) {
  return (
    <Section title="Directory">
      {people.length === 0 && (
        <p className={classes.none}>
          {isSearched ? 'Nobody has that in their id, name or accounts.' : 'The directory is empty.'}
        </p>
      )}
      <ul className={classes.list}>
        {people.map((person) => (
          <Line key={person.id} person={person} />
        ))}
      </ul>
    </Section>
  );
}

function Line({ person }: { readonly person: PersonLine }) {
  const { id, name, is_active: isActive, standings, passkeys, agents, warnings } = person;
  return (
    <li className={classes.line}>
      <Link to="/people/$id" params={{ id }} className={classes.name}>
        <Foreign text={name} />
      </Link>
      {name !== id && (
        <span className="keyturn-quiet">
          <Foreign text={id} />
        </span>
      )}
      {!isActive && <span className={classes.mark}>not active</span>}
      <span className={classes.facts}>
        {standings.map(({ authority }) => authorityWords(authority)).join(', ')}
        {` · ${counted(passkeys, 'passkey')}`}
        {agents.length > 0 && ` · answers for ${counted(agents.length, 'agent')}`}
      </span>
      {warnings.map((warning) => (
        <p key={warning} className={classes.warning}>
          <Foreign text={warning} />
        </p>
      ))}
    </li>
  );
}

function counted(count: number, what: string): string {
  if (count === 0) return `no ${what}`;
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
