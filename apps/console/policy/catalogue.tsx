import { Button, Loader } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import type { ActionCatalogue } from '../../../contract/actions.ts';
import type { TargetPage } from '../../../contract/targets.ts';
import { get } from '../api/calls.ts';
import { Section } from '../request/section.tsx';
import { Wide } from '../request/wide.tsx';
import { Failure } from '../shell/failure.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { grouped } from '../shown/words.ts';
import classes from './policy.module.css';

/** What may be asked for. What is not among it is forbidden. */
export function Actions() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['actions'],
    queryFn: ({ signal }) => get<ActionCatalogue>('/v1/actions', {}, signal),
  });
  const items = data?.items ?? [];
  return (
    <Section title="Actions" aside={data && `${grouped(items.length)}, and no others`}>
      {isPending && <Loader size="xs" m="sm" aria-label="Loading the actions" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && (
        <Table label="All actions" heads={['Action', 'What it does', 'Who performs it', 'Targets']}>
          {items.map(({ action, title, mode, targets }) => (
            <tr key={action}>
              <th scope="row">
                <Foreign text={action} />
              </th>
              <td>
                <Foreign text={title} />
              </td>
              <td>{mode === 'gate' ? 'Keyturn only decides' : 'Keyturn'}</td>
              <td className={classes.number}>{grouped(targets.length)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

/** What actions act on. */
export function Targets() {
  const targets = useInfiniteQuery({
    queryKey: ['targets'],
    queryFn: ({ pageParam, signal }) => get<TargetPage>('/v1/targets', { cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next,
  });
  const items = targets.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section
      title="Targets"
      aside={targets.data && `${grouped(items.length)}${targets.hasNextPage ? ' shown' : ''}`}
    >
      {targets.isPending && <Loader size="xs" m="sm" aria-label="Loading the targets" />}
      {targets.error && <Failure error={targets.error} retry={() => void targets.refetch()} />}
      {targets.data && (
        <Table
          label="All targets"
          heads={['Target', 'What it is', 'Environment', 'Owners', 'Class and tags']}
        >
          {items.map((target) => (
            <TargetRow key={target.id} target={target} />
          ))}
        </Table>
      )}
      {targets.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          m="sm"
          loading={targets.isFetchingNextPage}
          onClick={() => void targets.fetchNextPage()}
        >
          Show more
        </Button>
      )}
      <p className={classes.note}>
        How a target is reached is not shown here: “All of it as data” has the references.
      </p>
    </Section>
  );
}

function TargetRow({ target }: { readonly target: TargetPage['items'][number] }) {
  const { id, title, environment, owners = [], data_class: dataClass = 'unclassified', tags = [] } = target;
  return (
    <tr>
      <th scope="row">
        <Foreign text={id} />
      </th>
      {[title, environment, owners.join(', ') || 'none', [dataClass, ...tags].join(', ')].map((text, at) => (
        <td key={at}>
          <Foreign text={text} />
        </td>
      ))}
    </tr>
  );
}

interface TableProps {
  readonly label: string;
  readonly heads: readonly string[];
  readonly children: ReactNode;
}

function Table({ label, heads, children }: TableProps) {
  return (
    <Wide label={label}>
      <table className={classes.table}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Wide>
  );
}
