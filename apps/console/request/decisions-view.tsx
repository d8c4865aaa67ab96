import { Foreign } from '../shown/foreign.tsx';
import { Ago, Instant } from '../shown/instant.tsx';
import classes from './decisions-view.module.css';
import { Section } from './section.tsx';
import type { Decision, RequestView } from './view.ts';

/** What people decided so far, with their reasons. */
export function DecisionsView({ request }: { readonly request: RequestView }) {
  const decisions = request.decisions ?? [];
  if (decisions.length === 0) return null;
  return (
    <Section title="Decisions">
      <ul className={classes.list}>
        {decisions.map((decision) => (
          <li key={decision.id} data-round={decision.round === request.round || undefined}>
            <DecisionLine decision={decision} isOfThisRound={decision.round === request.round} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

const VERBS: Readonly<Record<string, string>> = {
  approve: 'approved',
  deny: 'denied',
  defer: 'deferred',
  take_back: 'took an approval back',
};

function DecisionLine({
  decision,
  isOfThisRound,
}: {
  readonly decision: Decision;
  readonly isOfThisRound: boolean;
}) {
  const { verdict, reason, at, grade, channel, round, outcome } = decision;
  return (
    <>
      <div className={classes.line}>
        <strong>
          <Foreign text={whoOf(decision)} />
        </strong>
        <span className={classes.verdict} data-verdict={outcome === 'counted' ? verdict : 'refused'}>
          {VERBS[verdict] ?? verdict}
          <HowDeferred decision={decision} />
          {outcome !== 'counted' && `, refused (${decision.refusal ?? ''})`}
        </span>
        <span className={classes.quiet}>
          <Ago at={at} /> · {channel} · grade {grade}
          {!isOfThisRound && ` · round ${round}, counts no more`}
        </span>
      </div>
      {reason !== null && (
        <blockquote className={classes.reason}>
          <Foreign text={reason} hasLines />
        </blockquote>
      )}
    </>
  );
}

function whoOf({ person, person_name: name, reviewer }: Decision): string {
  return name ?? person ?? reviewer?.subject ?? 'A person';
}

function HowDeferred({ decision: { defer_to: to, defer_until: until } }: { readonly decision: Decision }) {
  if (to !== null) return ` to ${to}`;
  if (until === null) return null;
  return (
    <>
      {' until '}
      <Instant at={until} />
    </>
  );
}
