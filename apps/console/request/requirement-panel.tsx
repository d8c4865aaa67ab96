import { duration, termsOf } from '../../../domain/cards/words.ts';
import { Countdown } from '../shown/countdown.tsx';
import { useNow } from '../shown/clock.ts';
import { Foreign } from '../shown/foreign.tsx';
import { Instant } from '../shown/instant.tsx';
import { grouped, sentence } from '../shown/words.ts';
import { laddersOf, nextInstant, type Rung, type StageLadder } from './ladder.ts';
import classes from './requirement-panel.module.css';
import { Section } from './section.tsx';
import { headingsOf } from './tense.ts';
import type { Card, RequestView, Rule, Shown, StageProgress } from './view.ts';

/** Who must agree and why, how far that is, who can still do it, and what happens if nobody does. */
export function RequirementPanel({ shown: { card, request } }: { readonly shown: Shown }) {
  const { requirement } = card;
  if (requirement === null) return <MayDecide request={request} />;
  const isPending = request.status === 'pending';
  return (
    <Section
      title={headingsOf(request).requirement}
      part="requirement"
      aside={<Foreign text={requirement.words} />}
    >
      {isPending && <Next card={card} request={request} />}
      {requirement.rules.map((rule, index) => (
        <RuleView key={`${rule.rule} ${index}`} rule={rule} index={index} card={card} request={request} />
      ))}
      {isPending &&
        (request.shortage ?? []).map((shortage) => <Shortage key={shortage.rule} shortage={shortage} />)}
    </Section>
  );
}

/** For readers who may not see which rules matched. */
function MayDecide({ request }: { readonly request: RequestView }) {
  if (request.may_decide === null) return null;
  return (
    <Section title="Who may decide" part="requirement">
      <p className={classes.padded}>{request.may_decide.join(', ')}</p>
    </Section>
  );
}

function Next({ card, request }: { readonly card: Card; readonly request: RequestView }) {
  const next = nextInstant(card.requirement, request, useNow());
  const expiresAt = request.expires_at;
  return (
    <dl className={classes.next}>
      {next?.what === 'escalates' && (
        <div>
          <dt>Next</dt>
          <dd>
            {next.to.join(', ')} may decide too in <Countdown to={new Date(next.atMs).toISOString()} isCalm />{' '}
            (
            <Instant at={new Date(next.atMs).toISOString()} />)
          </dd>
        </div>
      )}
      {expiresAt !== null && (
        <div>
          <dt>Expires</dt>
          <dd>
            in <Countdown to={expiresAt} /> (<Instant at={expiresAt} />
            ), which is a denial
          </dd>
        </div>
      )}
    </dl>
  );
}

interface RuleProps {
  readonly rule: Rule;
  readonly index: number;
  readonly card: Card;
  readonly request: RequestView;
}

function RuleView({ rule, index, card, request }: RuleProps) {
  const known = card.rules?.find(({ id }) => id === rule.rule);
  const ladders = laddersOf(card.requirement, request.progress, useNow());
  const before = (card.requirement?.rules.slice(0, index) ?? []).reduce(
    (sum, { stages }) => sum + stages.length,
    0,
  );
  return (
    <div className={classes.rule}>
      <h3 className={classes.name}>
        <Foreign text={rule.rule} />
      </h3>
      {known?.because != null && (
        <p className={classes.because}>
          <Foreign text={known.because} />
        </p>
      )}
      {rule.order === 'sequential' && rule.stages.length > 1 && (
        <p className={classes.terms}>One after the other:</p>
      )}
      <ol className={classes.stages}>
        {rule.stages.map((stage, at) => (
          <StageView
            key={at}
            words={stage.words}
            ladder={ladders[before + at]}
            progress={request.progress?.rules[index]?.stages[at]}
            isPending={request.status === 'pending'}
          />
        ))}
      </ol>
      <p className={classes.terms}>{sentence(termsOf(rule).join('; '))}</p>
    </div>
  );
}

interface StageProps {
  readonly words: string;
  readonly ladder: StageLadder | undefined;
  readonly progress: StageProgress | undefined;
  readonly isPending: boolean;
}

function StageView({ words, ladder, progress, isPending }: StageProps) {
  const { filled, quorum } = seatsOf(progress, ladder);
  const isOpen = isPending && filled < quorum;
  const hasRungs = ladder !== undefined && ladder.rungs.length > 1;
  return (
    <li className={classes.stage}>
      <div className={classes.seats}>
        <Seats filled={filled} quorum={quorum} />
        <span>
          <Foreign text={words} />
          {progress && <span className={classes.so}>{soFar(filled, quorum)}</span>}
        </span>
      </div>
      {isOpen && progress && <Notified progress={progress} />}
      {hasRungs && <Rungs rungs={ladder.rungs} isOpen={isOpen} />}
    </li>
  );
}

function seatsOf(
  progress: StageProgress | undefined,
  ladder: StageLadder | undefined,
): { readonly filled: number; readonly quorum: number } {
  return { filled: progress?.filled ?? 0, quorum: progress?.quorum ?? ladder?.quorum ?? 1 };
}

function soFar(filled: number, quorum: number): string {
  return filled >= quorum ? ': filled' : `: ${grouped(filled)} of ${grouped(quorum)}`;
}

function Notified({
  progress: { opened_at: openedAt, may_approve: approvers },
}: {
  readonly progress: StageProgress;
}) {
  if (openedAt === null) return <p className={classes.terms}>Opens after the stage before it.</p>;
  return approvers && <People approvers={approvers} />;
}

function Rungs({ rungs, isOpen }: { readonly rungs: readonly Rung[]; readonly isOpen: boolean }) {
  return (
    <ol className={classes.rungs} aria-label="Who may decide from when">
      {rungs.map((rung) => (
        <RungView key={`${rung.to.join()} ${rung.afterMs}`} rung={rung} isPending={isOpen} />
      ))}
    </ol>
  );
}

const SEATS_DRAWN_MAX = 8;

function Seats({ filled, quorum }: { readonly filled: number; readonly quorum: number }) {
  if (quorum > SEATS_DRAWN_MAX) return null;
  return (
    <span className={classes.dots} aria-hidden="true">
      {Array.from({ length: quorum }, (_, seat) => (
        <span key={seat} className={classes.dot} data-filled={seat < filled || undefined} />
      ))}
    </span>
  );
}

function People({
  approvers: { count, people },
}: {
  readonly approvers: NonNullable<StageProgress['may_approve']>;
}) {
  if (count === 0) return <p className={classes.alarm}>Nobody can approve it now.</p>;
  return (
    <p className={classes.people}>
      Can approve:{' '}
      {people.map(({ id, name }, index) => (
        <span key={id}>
          {index > 0 && ', '}
          <Foreign text={name} /> <span className="keyturn-quiet">({id})</span>
        </span>
      ))}
      {count > people.length && ` and ${grouped(count - people.length)} more`}
    </p>
  );
}

function RungView({ rung, isPending }: { readonly rung: Rung; readonly isPending: boolean }) {
  const { to, state, atMs, afterMs, clock } = rung;
  const at = atMs === null ? null : new Date(atMs).toISOString();
  const afterText = `after ${duration(afterMs)}${clock === null ? '' : ` of ${clock}`}`;
  return (
    <li className={classes.rung} data-state={state}>
      <span className={classes.when}>{at === null ? afterText : <Instant at={at} />}</span>
      <span>
        {to.join(' or ')}{' '}
        <span className="keyturn-quiet">
          {isPending && STATES[state]}
          {state === 'later' && at !== null && isPending && (
            <>
              {' in '}
              <Countdown to={at} isCalm />
            </>
          )}
        </span>
      </span>
    </li>
  );
}

const STATES = { notified: 'may decide', due: 'about to be added', later: 'may decide too' } as const;

/** Otherwise it would wait unnoticed until it expires. */
function Shortage({ shortage }: { readonly shortage: NonNullable<RequestView['shortage']>[number] }) {
  const { rule, seats, fillable, unknown } = shortage;
  return (
    <p className={classes.alarm}>
      Too few people can approve this: {rule === '*' ? 'all rules together require' : `${rule} requires`}{' '}
      {grouped(seats)}, and there {fillable === 1 ? 'is 1 person' : `are ${grouped(fillable)} people`}
      {unknown?.length ? ` (not all members of ${unknown.join(', ')} are known)` : ''}.
    </p>
  );
}
