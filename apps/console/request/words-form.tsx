import { Button, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';

import type { QuestionView } from '../../../contract/questions.ts';
import { useDraft } from '../session/drafts.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import classes from './questions-view.module.css';

interface WordsFormProps {
  readonly path: string;
  /** Of the request. */
  readonly id: string;
  /** The field of the body that the words are sent in. */
  readonly name: 'question' | 'answer';
  /** What else tells this text from others about the request. */
  readonly draft?: string;
  readonly label: string;
  readonly description: string;
  readonly button: string;
  readonly lengthMax: number;
}

/** Takes words and sends them. What was typed outlives a refusal and an expired session. */
export function WordsForm(props: WordsFormProps) {
  const { name, label, description, button, lengthMax } = props;
  const { text, setText, send } = useWords(props);
  const [isTried, setTried] = useState(false);
  const isMissing = text.trim() === '';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!isMissing) send.mutate(undefined, { onSuccess: () => setTried(false) });
  };
  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      <Textarea
        label={label}
        description={description}
        autosize
        minRows={2}
        maxRows={12}
        maxLength={lengthMax}
        value={text}
        error={isTried && isMissing ? `Write your ${name} first.` : null}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
      />
      {send.error && <Failure error={send.error} />}
      <div className={classes.buttons}>
        <Button type="submit" variant="default" size="xs" loading={send.isPending}>
          {button}
        </Button>
      </div>
    </form>
  );
}

function useWords({ path, id, name, draft = '' }: WordsFormProps) {
  const post = usePost();
  const client = useQueryClient();
  const [text, setText, forget] = useDraft(`${name} ${id} ${draft}`);
  // One key until it arrived: a repeat after a broken connection asks once. Other words are another call.
  const [key, setKey] = useState({ text, id: crypto.randomUUID() });
  const send = useMutation({
    mutationFn: () => {
      const own = key.text === text ? key : { text, id: crypto.randomUUID() };
      setKey(own);
      const body = { [name]: text.trim() };
      return post<QuestionView>(path, { body, ...(name === 'question' && { idempotencyKey: own.id }) });
    },
    onSuccess: () => {
      forget();
      setKey({ text: '', id: crypto.randomUUID() });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['request', id] }),
  });
  return { text, setText, send };
}
