import type { PolicyComparison } from '../../../contract/proposals.ts';
import { Section } from '../request/section.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { grouped, listed } from '../shown/words.ts';
import policy from './policy.module.css';
import classes from './proposal.module.css';
import { KINDS, KIND_TONES } from './proposal-words.ts';

/** Rule by rule what is said otherwise. */
export function RuleChanges({ rules }: Pick<PolicyComparison, 'rules'>) {
  return (
    <Section title="How rules change" aside={grouped(rules.length)}>
      {rules.length === 0 && <p className={policy.none}>No rule changes, nor what holds where none acts.</p>}
      {rules.map((rule) => (
        <article key={`${rule.id} ${rule.how}`} className={classes.change} aria-label={rule.id}>
          <div className={classes.head}>
            <h3 className={classes.name}>
              <Foreign text={rule.id} />
            </h3>
            <span className={classes.state} data-tone={KIND_TONES[rule.kind]}>
              {rule.how}: {KINDS[rule.kind]}
            </span>
            {rule.source !== null && (
              <code className={classes.source}>
                <Foreign text={rule.source} />
              </code>
            )}
          </div>
          <p className={classes.quiet}>
            <Foreign text={rule.scope} />
          </p>
          {rule.words.map(({ what, before, after }) => (
            <div key={what} className={classes['word-change']}>
              <span className={classes.what}>{what}</span>
              <span>
                {before !== null && (
                  <del className={classes.before}>
                    <Foreign text={before} hasLines />
                  </del>
                )}
                {after !== null && (
                  <ins className={classes.after}>
                    <Foreign text={after} hasLines />
                  </ins>
                )}
              </span>
            </div>
          ))}
          {rule.words.length === 0 && (
            <p className={classes.quiet}>Nothing of what it says: see the lines of its file.</p>
          )}
        </article>
      ))}
    </Section>
  );
}

interface ChangesProps extends Pick<PolicyComparison, 'changes'> {
  readonly count: number;
}

/** Everything that changes, with what it does to who is asked. */
export function Changes({ changes, count }: ChangesProps) {
  return (
    <Section
      title="All that changes"
      aside={count > changes.length ? `${grouped(changes.length)} of ${grouped(count)}` : grouped(count)}
    >
      {changes.length === 0 && <p className={policy.none}>Nothing: both say the same.</p>}
      {changes.map(({ kind, what, name, how, because }, at) => (
        <div key={at} className={classes.change}>
          <div className={classes.head}>
            <span>
              {how} <Foreign text={name === null ? what : `${what} ${name}`} />
            </span>
            <span className={classes.state} data-tone={KIND_TONES[kind]}>
              {KINDS[kind]}
            </span>
          </div>
          {because !== null && <p className={classes.quiet}>It {because}.</p>}
        </div>
      ))}
    </Section>
  );
}

/** Who may decide from then on, and who not any more. */
export function PeopleChanges({ people }: Pick<PolicyComparison, 'people'>) {
  if (people.length === 0) return null;
  return (
    <Section title="Whom it asks">
      {people.map(({ selector, joined, left }) => (
        <div key={selector} className={classes.change}>
          <strong>
            <Foreign text={selector} />
          </strong>
          {joined.length > 0 && (
            <p className={classes.quiet}>
              joined by <Foreign text={listed(joined, 'and')} />
            </p>
          )}
          {left.length > 0 && (
            <p className={classes.quiet}>
              without <Foreign text={listed(left, 'and')} />
            </p>
          )}
        </div>
      ))}
    </Section>
  );
}
