import { Button, Group, Loader, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQueries } from '@tanstack/react-query';
import { useState } from 'react';

import type { CardAnswer } from '../../../contract/cards.ts';
import type { RequestSummary } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { useDraft } from '../session/drafts.ts';
import { usePost } from '../session/session.ts';
import { detailOf, Failure } from '../shell/failure.tsx';
import { BatchLine } from './batch-line.tsx';
import classes from './batch-dialog.module.css';
import { decisionOn, needsReason, whyAlone, type BatchResult, type BatchVerdict } from './batch.ts';

interface BatchDialogProps {
  readonly verdict: BatchVerdict;
  readonly picked: readonly RequestSummary[];
  readonly onDecided: (id: string) => void;
  readonly onClose: () => void;
}

/** Shows each request of a batch, says which of them are decided, and then what became of each. */
export function BatchDialog({ verdict, picked: pickedNow, onDecided, onClose }: BatchDialogProps) {
  // What is decided leaves the list behind the dialog, and stays in it.
  const [picked] = useState(pickedNow);
  const cards = useCards(picked);
  const [reason, setReason, forgetReason] = useDraft(`reason of a batch ${verdict}`);
  const batch = useBatch();
  const taken = cards.filter(({ answer }) => answer && (verdict === 'deny' || whyAlone(answer) === null));
  const isReasonMissing = reason.trim() === '' && taken.some(({ answer }) => answer && needsReason(answer));
  const isRead = cards.every(({ answer, error }) => answer ?? error);
  const results = new Map(batch.data?.map((result) => [result.request, result]));
  const send = (): void => {
    const decisions = taken.flatMap(({ answer }) => (answer ? [decisionOn(answer, verdict, reason)] : []));
    batch.mutate(decisions, {
      onSuccess: (all) => {
        forgetReason();
        for (const { request, problem } of all) if (problem === null) onDecided(request);
      },
    });
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size="46rem"
      title={`${verdict === 'approve' ? 'Approve' : 'Deny'} several requests`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text>{WORDS[verdict]}</Text>
        {!isRead && <Loader size="xs" aria-label="Reading the requests" />}
        <ul className={classes.lines}>
          {cards.map(({ item, answer, error }) => (
            <BatchLine
              key={item.id}
              item={item}
              answer={answer}
              why={error ? detailOf(error) : answer && verdict === 'approve' ? whyAlone(answer) : null}
              result={results.get(item.id)}
            />
          ))}
        </ul>
        {!batch.data && (
          <Textarea
            label={isReasonMissing ? 'Reason for all of them (required)' : 'Reason for all of them'}
            autosize
            minRows={1}
            maxLength={4000}
            value={reason}
            onChange={({ currentTarget: { value } }) => setReason(value)}
          />
        )}
        {batch.error && <Failure error={batch.error} />}
        <Group gap="xs">
          {!batch.data && (
            <Button
              color={verdict === 'deny' ? 'red' : 'key'}
              disabled={!isRead || taken.length === 0 || isReasonMissing}
              loading={batch.isPending}
              onClick={send}
            >
              {verdict === 'approve' ? 'Approve' : 'Deny'} {taken.length} of {picked.length}
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            {batch.data ? 'Close' : 'Cancel'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

const WORDS = {
  approve:
    'Each runs exactly as shown once it has all its approvals. What is risky, cut, or not wholly previewed is left out: open it and decide it by itself.',
  deny: 'Each of them ends and nothing is run. They cannot be opened again; the same can be requested anew.',
} as const;

interface BatchCard {
  readonly item: RequestSummary;
  readonly answer: CardAnswer | undefined;
  readonly error: Error | null;
}

function useCards(picked: readonly RequestSummary[]): readonly BatchCard[] {
  const queries = useQueries({
    queries: picked.map(({ id }) => ({
      queryKey: ['request', id, 'card'],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        get<CardAnswer>(`/v1/requests/${encodeURIComponent(id)}/card`, {}, signal),
    })),
  });
  return picked.flatMap((item, index) => {
    const query = queries[index];
    return query ? [{ item, answer: query.data, error: query.error }] : [];
  });
}

/** Sent again after a broken connection it has the same key, so it decides once. */
function useBatch() {
  const post = usePost();
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  return useMutation({
    mutationFn: async (decisions: readonly object[]) => {
      const { answer } = await post<{ readonly items: readonly BatchResult[] }>('/v1/decisions', {
        body: { decisions },
        idempotencyKey,
      });
      return answer.items;
    },
  });
}
