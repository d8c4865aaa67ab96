import { CopyButton, UnstyledButton } from '@mantine/core';

import classes from './copyable.module.css';
import { Foreign } from './foreign.tsx';

interface CopyableProps {
  readonly text: string;
  /** What it is, for the name of the button: `Copy decision digest`. */
  readonly what: string;
  /** Shown in place of the text, which is copied whole. */
  readonly short?: string;
}

/** An id or a digest with a button that copies all of it. */
export function Copyable({ text, what, short }: CopyableProps) {
  return (
    <span className={classes.copyable}>
      <code className={classes.text} title={short === undefined ? undefined : text}>
        <Foreign text={short ?? text} />
      </code>
      <Copy text={text} what={what} />
    </span>
  );
}

/** Only the button. */
export function Copy({ text, what }: Pick<CopyableProps, 'text' | 'what'>) {
  return (
    <CopyButton value={text} timeout={2_000}>
      {({ copied, copy }) => (
        <UnstyledButton className={classes.button} aria-label={`Copy ${what}`} onClick={copy}>
          <span aria-live="polite">{copied ? 'Copied' : 'Copy'}</span>
        </UnstyledButton>
      )}
    </CopyButton>
  );
}
