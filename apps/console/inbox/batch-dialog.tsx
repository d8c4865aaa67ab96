import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQueries } from '@tanstack/react-query';
import { useRef, useState } from 'react';

import type { CardAnswer } from '../../../contract/cards.ts';
import type { DecideManyAnswer } from '../../../contract/decisions.ts';
import type { RequestSummary } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { useDraft } from '../session/drafts.ts';
import { attemptOf, type Attempt } from '../request/sending.ts';
import { usePost } from '../session/session.ts';
import { detailOf, Failure } from '../shell/failure.tsx';
import { BatchLine } from './batch-line.tsx';
import classes from './batch-dialog.module.css';
import { decisionOn, needsReason, whyAlone, type BatchDecision, type BatchVerdict } from './batch.ts';

interface BatchDialogProps {
  readonly verdict: BatchVerdict;
  readonly picked: readonly RequestSummary[];
  readonly onDecided: (id: string) => void;
  readonly onClose: () => void;
}

/** Shows each request of a batch, says which of them are decided, and then the outcome of each. */
export function BatchDialog({ verdict, picked: pickedNow, onDecided, onClose }: BatchDialogProps) {
  // What is decided leaves the list behind the dialog, and stays in it.
  const [picked] = useState(pickedNow);
  const cards = useCards(picked);
  const batch = useBatch(onDecided);
  const results = new Map(batch.data?.map((result) => [result.id, result]));
  return (
    <Modal
      opened
      onClose={onClose}
      size="46rem"
      title={`${NAMES[verdict]} several requests`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text>{WORDS[verdict]}</Text>
        <ul className={classes.lines}>
          {cards.map((card) => (
            <BatchLine
              key={card.item.id}
              item={card.item}
              answer={card.answer}
              why={whyOut(card, verdict)}
              result={results.get(card.item.id)}
            />
          ))}
        </ul>
        {batch.data ? (
          <Button variant="default" onClick={onClose} className={classes.close}>
            Close
          </Button>
        ) : (
          <BatchForm cards={cards} verdict={verdict} batch={batch} onClose={onClose} />
        )}
      </Stack>
    </Modal>
  );
}

interface BatchFormProps {
  readonly cards: readonly BatchCard[];
  readonly verdict: BatchVerdict;
  readonly batch: ReturnType<typeof useBatch>;
  readonly onClose: () => void;
}

function BatchForm({ cards, verdict, batch, onClose }: BatchFormProps) {
  const [reason, setReason, forgetReason] = useDraft(`reason of a batch ${verdict}`);
  const taken = cards.flatMap((card) => (card.answer && whyOut(card, verdict) === null ? [card.answer] : []));
  const isReasonMissing = reason.trim() === '' && taken.some(needsReason);
  const isRead = cards.every(({ answer, error }) => answer ?? error);
  const send = (): void =>
    batch.mutate(
      taken.map((answer) => decisionOn(answer, verdict, reason)),
      { onSuccess: forgetReason },
    );
  return (
    <>
      <Textarea
        label={
          isReasonMissing
            ? 'Reason for all of them (policy asks for one)'
            : 'Reason for all of them (optional)'
        }
        autosize
        minRows={1}
        maxLength={4000}
        value={reason}
        onChange={({ currentTarget: { value } }) => setReason(value)}
      />
      {batch.error && <Failure error={batch.error} />}
      <Group gap="xs" justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          {...(verdict === 'deny' && { color: 'red' })}
          disabled={!isRead || taken.length === 0 || isReasonMissing}
          loading={batch.isPending || !isRead}
          onClick={send}
        >
          {NAMES[verdict]} {taken.length} of {cards.length}
        </Button>
      </Group>
    </>
  );
}

const NAMES = { approve: 'Approve', deny: 'Deny' } as const;

/** Why one is left out; null where it is not, or not known yet. */
function whyOut({ answer, error, isOther }: BatchCard, verdict: BatchVerdict): string | null {
  if (error) return detailOf(error);
  if (isOther) return 'It has changed since this was opened';
  return answer && verdict === 'approve' ? whyAlone(answer) : null;
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
  /** There is another card by now. */
  readonly isOther: boolean;
}

/** The cards as they were shown first: none is swapped for another under the eyes of who reads it. */
function useCards(picked: readonly RequestSummary[]): readonly BatchCard[] {
  const queries = useQueries({
    queries: picked.map(({ id }) => ({
      queryKey: ['request', id, 'card'],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        get<CardAnswer>(`/v1/requests/${encodeURIComponent(id)}/card`, {}, signal),
    })),
  });
  const shown = useRef(new Map<string, CardAnswer>());
  return picked.flatMap((item, index) => {
    const { data: now, error = null } = queries[index] ?? {};
    if (now && !shown.current.has(item.id)) shown.current.set(item.id, now);
    const answer = shown.current.get(item.id);
    const isOther = answer !== undefined && now?.view_digest !== answer.view_digest;
    return [{ item, answer, error, isOther }];
  });
}

/** Sent again after a broken connection it is the same call, so it decides once. */
function useBatch(onDecided: (id: string) => void) {
  const post = usePost();
  const attempt = useRef<Attempt | null>(null);
  return useMutation({
    mutationFn: async (items: readonly BatchDecision[]) => {
      const call = { path: '/v1/decisions', body: { items } };
      attempt.current = attemptOf(attempt.current, call, () => crypto.randomUUID());
      const { path, body, idempotencyKey } = attempt.current;
      const { answer } = await post<DecideManyAnswer>(path, { body, idempotencyKey });
      return answer.items;
    },
    onSuccess: (all) => {
      for (const { id, problem } of all) if (problem === null) onDecided(id);
    },
  });
}
