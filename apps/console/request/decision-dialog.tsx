import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef, useState, type FormEvent } from 'react';

import { KeyturnProblem } from '../../../sdk/problem.ts';
import { Unreachable } from '../api/calls.ts';
import { useDraft } from '../session/drafts.ts';
import { usePost } from '../session/session.ts';
import { useNow } from '../shown/clock.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Note } from './note.tsx';
import type { Act } from './acting.ts';
import { changesBetween, isOtherSubject } from './changes.ts';
import { confirmationOf, isTyped, typedLabel, type Confirmation, type Typed } from './confirmation.ts';
import { conflictOf, type Conflict } from './conflict.ts';
import classes from './decision-dialog.module.css';
import { DeferFields } from './defer-fields.tsx';
import { HOW, provingLeft, provingWords, useProving } from './proving.ts';
import type { Returned } from './returning.ts';
import { attemptOf, callOf, doneText, type ActAnswer, type Attempt, type Deferral } from './sending.ts';
import type { SectionName, Shown } from './view.ts';

interface DecisionDialogProps {
  readonly act: Act;
  /** What the person had before them when they opened the dialog. */
  readonly shown: Shown;
  /** The same as it is now: it may change while the dialog is open. */
  readonly current?: Shown | undefined;
  readonly opened: () => readonly SectionName[];
  readonly takesBack?: string | null;
  /** The decision is signed as a ticket, and not sent. */
  readonly isTicket?: boolean;
  /** What the person came back with from signing in for this. */
  readonly returned?: Returned;
  readonly onClose: () => void;
  readonly onDone: (text: string, answer: ActAnswer) => void;
}

/** Repeats what will happen, takes the reason, sends, and says why it was refused if it was. Nothing typed is lost. */
export function DecisionDialog(props: DecisionDialogProps) {
  const { act, shown, current = shown, onClose } = props;
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const confirmation = confirmationOf(act, shown, useNow());
  const isOutdated = isOtherSubject(shown, current);
  return (
    <Modal.Root opened onClose={onClose} fullScreen={isPhone} size="lg" transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content>
        <Modal.Body>
          <div className={classes.head}>
            <Modal.Title className={classes['title'] ?? ''}>
              <Foreign text={confirmation.title} />
            </Modal.Title>
            <Modal.CloseButton aria-label="Close, nothing is decided" />
          </div>
          {isOutdated ? (
            <Outdated shown={shown} current={current} onClose={onClose} />
          ) : (
            <DecisionForm {...props} confirmation={confirmation} />
          )}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

/** It changed under the person's hands: nothing can be sent from here any more. */
function Outdated({ shown, current, onClose }: { shown: Shown; current: Shown; onClose: () => void }) {
  return (
    <div className={classes.form}>
      <Note tone="warning" isAlert title="The request has changed while you were deciding">
        <ul className={classes.changes}>
          {changesBetween(shown, current).map(({ text }) => (
            <li key={text}>
              <Foreign text={text} />
            </li>
          ))}
        </ul>
        Nothing was decided. Your reason is kept for the next time.
      </Note>
      <div className={classes.buttons}>
        <Button data-autofocus onClick={onClose}>
          Read it again
        </Button>
      </div>
    </div>
  );
}

type FormProps = DecisionDialogProps & { readonly confirmation: Confirmation };

function DecisionForm(props: FormProps) {
  const { act, confirmation, shown, returned, onClose } = props;
  const [reason, setReason] = useDraft(`reason ${shown.request.id}`);
  const [typed, setTyped] = useState('');
  const [deferral, setDeferral] = useState<Deferral | null>(null);
  const [isTried, setTried] = useState(false);
  const sending = useSending(props, { reason, deferral });
  const missing = missingOf(confirmation, {
    reason,
    typed,
    isDeferred: act !== 'defer' || deferral !== null,
  });
  const missed: Missing = isTried ? missing : {};
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(missing).length === 0) sending.mutate();
  };
  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      <Sentences sentences={[...confirmation.sentences, ...provingWords(props)]} />
      {act === 'defer' && <DeferFields shown={shown} onChange={setDeferral} error={missed.deferral} />}
      {confirmation.typed && (
        <TypedInput typed={confirmation.typed} value={typed} onChange={setTyped} error={missed.typed} />
      )}
      <Reason
        isRequired={confirmation.isReasonRequired}
        value={reason}
        onChange={setReason}
        error={missed.reason}
      />
      {returned?.fault && (
        <Note tone="bad" isAlert title="Not sent">
          {returned.fault}
        </Note>
      )}
      {sending.error && <Refused conflict={conflictFrom(sending.error)} onClose={onClose} />}
      <Buttons {...props} isSending={sending.isPending} />
    </form>
  );
}

function Buttons(props: FormProps & { readonly isSending: boolean }) {
  const { act, confirmation, isTicket = false, isSending, onClose } = props;
  return (
    <div className={classes.buttons}>
      <Button variant="default" onClick={onClose}>
        Cancel
      </Button>
      <Button type="submit" {...(act === 'deny' && { color: 'red' })} loading={isSending}>
        {isTicket ? 'Get the ticket' : confirmation.button}
        {HOW[provingLeft(props) ?? 'session']}
      </Button>
    </div>
  );
}

function Sentences({ sentences }: { readonly sentences: readonly string[] }) {
  return sentences.map((sentence) => (
    <p key={sentence} className={classes.sentence}>
      <Foreign text={sentence} />
    </p>
  ));
}

interface InputProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error: string | undefined;
}

function TypedInput({ typed, value, onChange, error }: InputProps & { readonly typed: Typed }) {
  return (
    <TextInput
      label={typedLabel(typed)}
      description="Its risk is critical."
      value={value}
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
      error={error}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

function Reason({ isRequired, value, onChange, error }: InputProps & { readonly isRequired: boolean }) {
  return (
    <Textarea
      label={isRequired ? 'Reason' : 'Reason (optional)'}
      description="For people, and for the audit log"
      required={isRequired}
      withAsterisk={false}
      autosize
      minRows={3}
      maxRows={12}
      maxLength={4_000}
      value={value}
      error={error}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

interface Missing {
  readonly reason?: string;
  readonly typed?: string;
  readonly deferral?: string;
}

function missingOf(
  { typed: required, isReasonRequired }: Confirmation,
  {
    reason,
    typed,
    isDeferred,
  }: { readonly reason: string; readonly typed: string; readonly isDeferred: boolean },
): Missing {
  return {
    ...(isReasonRequired && reason.trim() === '' ? { reason: 'Policy asks for a reason. Write why.' } : {}),
    ...(required && !isTyped(required, typed)
      ? { typed: `That is neither. ${typedLabel(required)}: it shows that you looked.` }
      : {}),
    ...(isDeferred ? {} : { deferral: 'Choose until when, or to whom.' }),
  };
}

function useSending(
  props: FormProps,
  given: { readonly reason: string; readonly deferral: Deferral | null },
) {
  const { act, shown, opened, takesBack = null, isTicket = false, returned, onDone } = props;
  const post = usePost();
  const prove = useProving();
  const client = useQueryClient();
  const [, , forgetReason] = useDraft(`reason ${shown.request.id}`);
  const attempt = useRef<Attempt | null>(null);
  const refresh = (): void => void client.invalidateQueries({ queryKey: ['request', shown.request.id] });
  return useMutation({
    mutationFn: async () => {
      const left = provingLeft(props);
      const brought = returned?.proof ? { id: returned.proof } : null;
      const proof = left === null ? brought : await prove(shown, left);
      // The browser leaves for the provider: nothing is sent from here.
      if (left === 'sign-in') return new Promise<never>(() => undefined);
      const call = callOf(act, shown, { ...given, opened: opened(), takesBack, isTicket, proof });
      attempt.current = attemptOf(attempt.current, call, () => crypto.randomUUID());
      const { path, body, idempotencyKey } = attempt.current;
      return post<ActAnswer['answer']>(path, { body, ...(!isTicket && { idempotencyKey }) });
    },
    onSuccess: (answer) => {
      forgetReason();
      refresh();
      void client.invalidateQueries({ queryKey: ['list'] });
      onDone(doneText(act, answer), answer);
    },
    onError: refresh,
  });
}

function conflictFrom(error: Error): Conflict {
  if (error instanceof KeyturnProblem) return conflictOf(error);
  if (error instanceof Unreachable) return conflictOf(null);
  return { kind: 'fix', title: 'Not sent', text: error.message };
}

function Refused({ conflict, onClose }: { readonly conflict: Conflict; readonly onClose: () => void }) {
  const { kind, title, text, elsewhere } = conflict;
  const isOver = kind === 'changed' || kind === 'over';
  return (
    <Note tone={kind === 'changed' ? 'warning' : 'bad'} isAlert title={title}>
      <Foreign text={text} />
      {elsewhere && (
        <div className={classes.again}>
          <Link to={elsewhere.path}>{elsewhere.words}</Link>
        </div>
      )}
      {isOver && (
        <div className={classes.again}>
          <Button size="xs" variant="default" onClick={onClose}>
            Read it again
          </Button>
        </div>
      )}
    </Note>
  );
}
