import type { PolicyInWords } from '../../../contract/active-policy.ts';
import { Foreign } from '../shown/foreign.tsx';
import { sentence } from '../shown/words.ts';
import classes from './policy.module.css';

/** Who must agree, on which terms, and who is asked later. */
export function RequirementInWords({
  requirement: { stages, order, terms },
}: {
  readonly requirement: PolicyInWords['publishing'];
}) {
  const isSequence = order === 'sequential' && stages.length > 1;
  return (
    <>
      <ol className={classes.stages} data-numbered={isSequence || undefined}>
        {stages.map(({ words, escalations }, at) => (
          <li key={at}>
            <Foreign text={words} />
            {escalations.length > 0 && (
              <div className={classes.quiet}>
                also <Foreign text={escalations.join(', ')} />
              </div>
            )}
          </li>
        ))}
      </ol>
      <p className={classes.quiet}>
        {isSequence && 'One after the other. '}
        <Foreign text={`${sentence(terms.join('; '))}.`} />
      </p>
    </>
  );
}

/** A condition as its author wrote it. */
export function Cel({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <pre className={classes.cel} tabIndex={0} role="group" aria-label={`CEL of ${what}`}>
      <code>
        <Foreign text={text} hasLines />
      </code>
    </pre>
  );
}
