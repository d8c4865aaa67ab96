import { Button, Radio, Stack } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';

import type { RequestPage, RequestView } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { useDraft } from '../session/drafts.ts';
import { usePost } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { FormDialog, Reason } from '../shell/form-dialog.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import { StatusPill } from '../shown/pills.tsx';
import { requesterOf } from '../requests/requester.ts';
import { listed } from '../shown/words.ts';
import classes from './history.module.css';
import { Section } from './section.tsx';

const ACTION = 'keyturn.resolve';

/** So many reports are looked through for those about one request. */
const REPORTS_MAX = 10;

/** The outcome of an action that nobody knows is reported by one person and agreed to by another. */
export function Resolution({ request: { id, status } }: { readonly request: RequestView }) {
  const [isOpen, setOpen] = useState(false);
  if (status !== 'indeterminate') return null;
  return (
    <Section
      title="Resolve by two"
      aside={
        <Button size="xs" variant="default" onClick={() => setOpen(true)}>
          Report what happened…
        </Button>
      }
    >
      <p className={classes.more}>
        Look at the target. One person who was not behind the request reports what happened; an operator who
        was not behind it either agrees. Then that is on record.
      </p>
      <Reports id={id} />
      {isOpen && <Report id={id} close={() => setOpen(false)} />}
    </Section>
  );
}

/** What was reported so far, and who agrees. */
function Reports({ id }: { readonly id: string }) {
  const { data, error } = useQuery({
    queryKey: ['list', 'resolutions', id],
    queryFn: ({ signal }) => reportsAbout(id, signal),
  });
  return (
    <>
      {error && <Failure error={error} />}
      <ul className={classes.list}>
        {(data ?? []).map((report) => (
          <li key={report.id}>
            <div className={classes.line}>
              <StatusPill request={report} />
              <Link to="/requests/$id" params={{ id: report.id }} className={classes.link}>
                <Foreign text={reportText(report)} />
              </Link>
              <span className="keyturn-quiet">
                <Ago at={report.created_at} />
              </span>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Those reports whose arguments the person may see, which name the request. */
async function reportsAbout(id: string, signal: AbortSignal): Promise<readonly RequestView[]> {
  const { items } = await get<RequestPage>('/v1/requests', { action: ACTION, limit: REPORTS_MAX }, signal);
  const reports = await Promise.all(
    items.map((report) => get<RequestView>(`/v1/requests/${encodeURIComponent(report.id)}`, {}, signal)),
  );
  return reports.filter((report) => report.arguments?.['request'] === id);
}

function reportText(report: RequestView): string {
  const agreed = (report.decisions ?? [])
    .filter(({ verdict, outcome }) => verdict === 'approve' && outcome === 'counted')
    .map(({ person_name: name, person }) => name ?? person ?? 'a person');
  const said = report.arguments?.['outcome'] === 'succeeded' ? 'It happened' : 'It did not happen';
  const standing =
    agreed.length > 0
      ? `${listed(agreed, 'and')} agreed`
      : report.status === 'pending'
        ? `waits for ${listed(report.may_decide ?? ['an operator'], 'or')}`
        : 'nobody agreed';
  return `${said}, says ${requesterOf(report)}; ${standing}`;
}

const OUTCOMES = [
  {
    value: 'succeeded',
    label: 'It happened',
    consequence:
      'The request becomes succeeded. If that is wrong, nobody is told any more that it has still to be done.',
  },
  {
    value: 'failed',
    label: 'It did not happen',
    consequence:
      'The request becomes failed, and counting windows forget it. If that is wrong, the next one who requests it makes it happen twice.',
  },
] as const;

/** Takes what somebody found on the target, says what follows, and asks an operator to agree. */
function Report({ id, close }: { readonly id: string; readonly close: () => void }) {
  const [outcome, setOutcome] = useState('');
  const [words, setWords, forget] = useDraft(`resolution ${id}`);
  const reporting = useReporting(id, () => {
    forget();
    close();
  });
  const chosen = OUTCOMES.find(({ value }) => value === outcome);
  return (
    <FormDialog
      title="Report what happened"
      closes="Close, nothing is reported"
      button="Report, and ask an operator"
      sending={reporting}
      close={close}
      submit={() => reporting.mutate({ outcome, justification: words.trim() })}
    >
      <Radio.Group label="What you found on the target" value={outcome} onChange={setOutcome}>
        <Stack gap="xs" mt="xs">
          {OUTCOMES.map(({ value, label }) => (
            <Radio key={value} value={value} label={label} required />
          ))}
        </Stack>
      </Radio.Group>
      <Reason
        label="How you found out"
        description="For the operator who agrees, and for the audit log"
        value={words}
        onChange={setWords}
      />
      {chosen && <p className={classes.more}>Once an operator agrees: {chosen.consequence}</p>}
    </FormDialog>
  );
}

interface Reported {
  readonly outcome: string;
  readonly justification: string;
}

function useReporting(id: string, done: () => void) {
  const post = usePost();
  const client = useQueryClient();
  // One key for all attempts of this dialog: a repeat after a broken connection makes no second request.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  return useMutation({
    mutationFn: ({ outcome, justification }: Reported) =>
      post('/v1/requests', {
        body: {
          action: ACTION,
          target: 'keyturn',
          arguments: { request: id, outcome },
          claims: { justification },
        },
        idempotencyKey,
      }),
    onSuccess: done,
    onSettled: () => client.invalidateQueries({ queryKey: ['list'] }),
  });
}
