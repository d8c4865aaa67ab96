import { Button, Group, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import type { DecisionAnswer, DecisionBody } from '../../../contract/decisions.ts';
import { KeyturnProblem } from '../../../sdk/problem.ts';
import { confirmationOf, isTyped, typedLabel } from '../request/confirmation.ts';
import { conflictOf } from '../request/conflict.ts';
import { useOpened } from '../request/opened.tsx';
import { useDraft } from '../session/drafts.ts';
import { usePost } from '../session/session.ts';
import classes from './decide-form.module.css';
import { DeferFields, inOneHour, type Deferral } from './defer-fields.tsx';
import type { Act, Focus } from './use-focus.ts';
import type { Shown } from './use-shown.ts';

interface DecideFormProps {
  readonly act: Act;
  readonly shown: Shown;
  readonly focus: Focus;
}

/** Says once more what will happen, and sends the decision on exactly what the card showed. */
export function DecideForm({ act, shown, focus }: DecideFormProps) {
  const { answer, request } = shown;
  const { title, sentences, typed, button, isReasonRequired } = confirmationOf(act, {
    card: answer.card,
    request,
  });
  const [reason, setReason, forgetReason] = useDraft(`reason ${request.id}`);
  const [typedText, setTypedText] = useState('');
  const [deferral, setDeferral] = useState<Deferral>(inOneHour);
  const decision = useDecision(shown);
  const isReady =
    (typed === null || isTyped(typed, typedText)) && (!isReasonRequired || reason.trim() !== '');
  const send = (): void => {
    const body = {
      verdict: act,
      ...(reason.trim() !== '' && { reason }),
      ...(act === 'defer' && { defer: deferral }),
    };
    decision.mutate(body, {
      onSuccess: ({ status }) => {
        forgetReason();
        focus.done({ act, request, isCounted: status === 200 });
      },
    });
  };
  return (
    <form
      className={classes.form}
      aria-label={title}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && !decision.isPending) send();
      }}
      onKeyDown={({ key }) => key === 'Escape' && focus.cancel()}
    >
      <Text fw={600}>{title}</Text>
      {sentences.map((sentence) => (
        <Text key={sentence}>{sentence}</Text>
      ))}
      {act === 'defer' && <DeferFields card={answer.card} value={deferral} onChange={setDeferral} />}
      {typed && (
        <TextInput
          label={typedLabel(typed)}
          value={typedText}
          onChange={({ currentTarget: { value } }) => setTypedText(value)}
          autoComplete="off"
        />
      )}
      <Textarea
        label={isReasonRequired ? 'Reason (required)' : 'Reason (optional)'}
        description={act === 'approve' ? undefined : 'Those behind the request can read it.'}
        autosize
        minRows={1}
        maxRows={8}
        maxLength={4000}
        required={isReasonRequired}
        value={reason}
        onChange={({ currentTarget: { value } }) => setReason(value)}
        data-autofocus
        ref={(element) => element?.focus()}
      />
      {decision.error && <Refused error={decision.error} />}
      <Group gap="xs">
        <Button
          type="submit"
          size="sm"
          color={act === 'deny' ? 'red' : 'key'}
          disabled={!isReady}
          loading={decision.isPending}
        >
          {button}
        </Button>
        <Button size="sm" variant="default" onClick={focus.cancel}>
          Cancel
        </Button>
      </Group>
    </form>
  );
}

type Verdict = Pick<DecisionBody, 'verdict' | 'reason' | 'defer'>;

/** One key for each thing that is sent: sending the same again after a broken connection decides once. */
function useDecision({ answer, request }: Shown) {
  const post = usePost();
  const opened = useOpened();
  const [keys] = useState(() => new Map<string, string>());
  return useMutation({
    mutationFn: (verdict: Verdict) => {
      const body = {
        ...verdict,
        decision_digest: answer.card.decision_digest ?? '',
        view_digest: answer.view_digest,
        opened: [...opened()],
      };
      const name = JSON.stringify({ ...body, opened: [] });
      const idempotencyKey = keys.get(name) ?? crypto.randomUUID();
      keys.set(name, idempotencyKey);
      const path = `/v1/requests/${encodeURIComponent(request.id)}/decisions`;
      return post<DecisionAnswer>(path, { body, idempotencyKey });
    },
  });
}

function Refused({ error }: { readonly error: Error }) {
  const { title, text } = conflictOf(error instanceof KeyturnProblem ? error : null);
  return (
    <div role="alert" className={classes.refused}>
      <strong>{title}.</strong> {text}
    </div>
  );
}
