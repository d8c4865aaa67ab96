import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';

import type { Ticket } from '../../../contract/decisions.ts';
import { useSession } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { sentence } from '../shown/words.ts';
import { ActionBar } from './action-bar.tsx';
import { offerOf, type Act, type Offer } from './acting.ts';
import { ChangedNotice } from './changed-notice.tsx';
import { beginning, isOtherSubject, newsOf } from './changes.ts';
import { ClaimsView } from './claims-view.tsx';
import { DecisionDialog } from './decision-dialog.tsx';
import { DecisionsView } from './decisions-view.tsx';
import { EarlierRefusals, OnSameTarget } from './history.tsx';
import { LineageView } from './lineage-view.tsx';
import { OpenedSections, useOpened } from './opened.tsx';
import { Effects, Files, NoPlan, Operation, Payload, Preview, Reversal } from './parts.tsx';
import { PublicationLink } from './publication-link.tsx';
import { QuestionsView } from './questions-view.tsx';
import { PolicyTodayView } from './policy-today.tsx';
import { Notices, RequestHead } from './request-head.tsx';
import classes from './request-page.module.css';
import { Resolution } from './resolution.tsx';
import { RequirementPanel } from './requirement-panel.tsx';
import { returnedOf } from './returning.ts';
import { RiskPanel, RulesPanel } from './risk-panel.tsx';
import type { ActAnswer } from './sending.ts';
import { shownQuery } from './shown-query.ts';
import { TicketSection, TicketShown } from './ticket.tsx';
import { TimelineView } from './timeline-view.tsx';
import type { Shown } from './view.ts';

const route = getRouteApi('/requests/$id');

/** One request: what would happen, who must agree, and what this person can do about it. */
export function RequestPage() {
  const { id } = route.useParams();
  const { data, error, isPending, isFetching, refetch } = useQuery(shownQuery(id));
  return (
    <Page title={data ? titleOf(data) : 'Request'}>
      {isPending && <Loader size="sm" aria-label="Loading" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && (
        <OpenedSections key={id} digest={data.viewDigest}>
          <Loaded shown={data} isFetching={isFetching} />
        </OpenedSections>
      )}
    </Page>
  );
}

/** What would happen, or what is asked for where Keyturn does not find that out. */
function titleOf({ card, request }: Shown): string {
  const { action, target, environment } = card.request;
  const summary = card.plan?.is_by_requester ? null : (card.plan?.summary ?? request.summary);
  return summary === null ? `${action} on ${target} (${environment})` : sentence(summary);
}

function Loaded({ shown, isFetching }: { readonly shown: Shown; readonly isFetching: boolean }) {
  const { person } = useSession();
  const opened = useOpened();
  const { seen, read, act: acted } = useReading(shown);
  const { returned, forget, dialog, setDialog } = useDialog(shown);
  const [done, setDone] = useState('');
  const offer = offerOf(shown.request, shown.refusals, person);
  const [ticket, setTicket] = useState<Ticket | null>(null);
  const begin = (act: Act, isTicket = false): void =>
    setDialog({ act, isTicket, shown: beginning(act, { seen, now: shown }) });
  const close = (): void => {
    // The dialog has told them.
    if (dialog && isOtherSubject(dialog.shown, shown)) read();
    forget();
  };
  const finish = (text: string, { answer }: ActAnswer): void => {
    forget();
    if ('ticket' in answer) setTicket(answer);
    setDone(text);
    acted();
  };
  return (
    <>
      <RequestHead shown={shown} />
      <Done text={done} />
      <ChangedNotice changes={newsOf(seen, shown, person)} onRead={read} />
      <div className={classes.columns}>
        <div className={classes.main}>
          <WhatHappens shown={shown} />
        </div>
        <Side offer={offer} shown={shown} isBusy={isFetching} onAct={begin} />
        <div className={classes.main}>
          <Background shown={shown} />
        </div>
      </div>
      {dialog && (
        <DecisionDialog
          {...dialog}
          current={shown}
          opened={opened}
          takesBack={offer.takesBack}
          {...(returned && { returned })}
          onClose={close}
          onDone={finish}
        />
      )}
      {ticket && <TicketShown ticket={ticket} close={() => setTicket(null)} />}
    </>
  );
}

interface SideProps {
  readonly offer: Offer;
  readonly shown: Shown;
  readonly isBusy: boolean;
  readonly onAct: (act: Act, isTicket?: boolean) => void;
}

/** What can be done, and why it takes people. */
function Side({ offer, shown, isBusy, onAct }: SideProps) {
  return (
    <div className={classes.side}>
      <ActionBar offer={offer} isBusy={isBusy} onAct={(act) => onAct(act)} />
      <RequirementPanel shown={shown} />
      <RiskPanel card={shown.card} />
      <RulesPanel card={shown.card} />
      <TicketSection offer={offer} shown={shown} isBusy={isBusy} onAct={(act) => onAct(act, true)} />
    </div>
  );
}

interface Dialog {
  readonly act: Act;
  readonly isTicket: boolean;
  readonly shown: Shown;
}

/**
 * The dialog, open at once where somebody comes back from signing in for an approval, as the address says. `forget` closes it,
 * and takes that out of the address.
 */
function useDialog(shown: Shown) {
  const returned = returnedOf(route.useSearch());
  const navigate = route.useNavigate();
  const [dialog, setDialog] = useState<Dialog | null>(() =>
    returned && shown.refusals.approve === null ? { act: 'approve', isTicket: false, shown } : null,
  );
  const forget = (): void => {
    setDialog(null);
    if (returned) void navigate({ search: {}, replace: true });
  };
  return { returned, dialog, setDialog, forget };
}

/** What the person did, also for those who hear the page. */
function Done({ text }: { readonly text: string }) {
  return (
    <p role="status" className={classes.done} hidden={text === ''}>
      {text}
    </p>
  );
}

/** What the person began to read: changes are told against it until they say that they have read them. */
function useReading(shown: Shown) {
  const [seen, setSeen] = useState(shown);
  const [actedOn, setActedOn] = useState<Shown | null>(null);
  // What follows from the person's own act is read from there on.
  if (actedOn !== null && actedOn !== shown) {
    setActedOn(null);
    setSeen(shown);
  }
  return { seen, read: () => setSeen(shown), act: () => setActedOn(shown) };
}

/** What is decided upon: the facts of Keyturn first. */
function WhatHappens({ shown }: { readonly shown: Shown }) {
  const { card, request } = shown;
  return (
    <>
      <Notices shown={shown} />
      <Resolution request={request} />
      <PublicationLink shown={shown} />
      <Preview shown={shown} />
      <EarlierRefusals request={request} />
      <NoPlan shown={shown} />
      {card.plan?.is_by_requester && <Payload shown={shown} />}
      <Effects shown={shown} />
      <Files card={card} />
      <Operation shown={shown} />
      <Reversal card={card} />
    </>
  );
}

/** Who asks, in whose words, and what happened before. */
function Background({ shown }: { readonly shown: Shown }) {
  const { card, request, refusals } = shown;
  // The same people may ask and may hold a request against today’s policy.
  const seesWhole = refusals.ask?.code !== 'forbidden';
  return (
    <>
      <ClaimsView card={card} />
      <QuestionsView shown={shown} />
      <DecisionsView request={request} />
      <LineageView card={card} />
      {!card.plan?.is_by_requester && <Payload shown={shown} />}
      <OnSameTarget request={request} />
      {request.plan && seesWhole && <PolicyTodayView id={request.id} />}
      <TimelineView request={request} />
    </>
  );
}
