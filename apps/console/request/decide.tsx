import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import type { DecisionAnswer, DecisionBody } from '../../../contract/decisions.ts';
import { useDraft } from '../session/drafts.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';

interface DecideProps {
  readonly id: string;
  /** What is decided upon. */
  readonly digest: string;
}

/** Approve or deny what the digest names. */
export function Decide({ id, digest }: DecideProps) {
  const [reason, setReason, forgetReason] = useDraft(`reason ${id}`);
  const send = usePost();
  const client = useQueryClient();
  // One key for one attempt: a repeat after a broken connection decides once.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const decision = useMutation({
    mutationFn: (verdict: DecisionBody['verdict']) =>
      send<DecisionAnswer>(`/v1/requests/${encodeURIComponent(id)}/decisions`, {
        idempotencyKey: `${idempotencyKey} ${verdict}`,
        body: { decision_digest: digest, verdict, ...(reason !== '' && { reason }) } satisfies DecisionBody,
      }),
    onSuccess: () => {
      forgetReason();
      return client.invalidateQueries({ queryKey: ['request', id] });
    },
  });
  return (
    <Stack gap="xs">
      <Textarea
        label="Reason"
        autosize
        minRows={2}
        value={reason}
        onChange={({ currentTarget: { value } }) => setReason(value)}
      />
      {decision.error && <Failure error={decision.error} />}
      {decision.data?.status === 202 && (
        <Text role="status">Your decision is kept, and not counted yet.</Text>
      )}
      <Group gap="xs">
        <Button loading={decision.isPending} onClick={() => decision.mutate('approve')}>
          Approve
        </Button>
        <Button variant="default" disabled={decision.isPending} onClick={() => decision.mutate('deny')}>
          Deny
        </Button>
      </Group>
    </Stack>
  );
}
