import { Badge, Button, Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';

import type { RequestSummary } from '../../../contract/requests.ts';

interface RequestTableProps {
  readonly requests: readonly RequestSummary[];
  readonly empty: string;
  /** Reads the next page. Absent: these are all. */
  readonly more?: (() => void) | undefined;
}

/** Requests, a line each. */
export function RequestTable({ requests, empty, more }: RequestTableProps) {
  if (requests.length === 0 && !more) return <Text className="keyturn-quiet">{empty}</Text>;
  return (
    <>
      <Table.ScrollContainer minWidth="40rem">
        <Table highlightOnHover verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              {['Status', 'Risk', 'Request', 'Requested by', 'Created'].map((name) => (
                <Table.Th key={name}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {requests.map((request) => (
              <Line key={request.id} request={request} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {more && (
        <Button variant="default" onClick={more}>
          Show more
        </Button>
      )}
    </>
  );
}

function Line({ request }: { readonly request: RequestSummary }) {
  const { id, action, target, status, risk, requested_by: by, lineage, created_at: at } = request;
  const name = lineage.find(({ role }) => role === 'requester')?.name ?? by.subject;
  return (
    <Table.Tr>
      <Table.Td>{status}</Table.Td>
      <Table.Td>{risk && <Badge variant="default">{risk}</Badge>}</Table.Td>
      <Table.Td>
        <Link to="/requests/$id" params={{ id }}>
          {action} on {target}
        </Link>
      </Table.Td>
      <Table.Td>{name}</Table.Td>
      <Table.Td>
        <time dateTime={at} title={at}>
          {new Date(at).toLocaleString()}
        </time>
      </Table.Td>
    </Table.Tr>
  );
}
