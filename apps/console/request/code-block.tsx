import { Button } from '@mantine/core';
import { useState } from 'react';

import { Copy } from '../shown/copyable.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { grouped } from '../shown/words.ts';
import classes from './code-block.module.css';
import { sqlTokens, type SqlToken } from './sql-tokens.ts';

interface CodeBlockProps {
  readonly text: string;
  readonly language: 'sql' | 'text';
  /** What it is, for the button that copies it and for those who cannot see where it ends. */
  readonly what: string;
  readonly isWhole: boolean;
  readonly onShowAll: () => void;
}

const LINES_FIRST = 40;

/** True where a text is shown from the start, because it is not long. */
export function isShort(text: string): boolean {
  return text.split('\n', LINES_FIRST + 1).length <= LINES_FIRST;
}

/** A text exactly as it is, with marks for what would not be seen. */
export function CodeBlock({ text, language, what, isWhole, onShowAll }: CodeBlockProps) {
  const lines = text.split('\n');
  const shown = isWhole ? text : lines.slice(0, LINES_FIRST).join('\n');
  const tokens: readonly SqlToken[] =
    language === 'sql' ? sqlTokens(shown) : [{ kind: 'plain', text: shown }];
  return (
    <div className={classes.block}>
      <div className={classes.copy}>
        <Copy text={text} what={what} />
      </div>
      <pre className={classes.code} tabIndex={0} role="region" aria-label={what}>
        <code>
          {tokens.map((token, index) => (
            <span key={index} className={classes[token.kind]}>
              <Foreign text={token.text} hasLines />
            </span>
          ))}
        </code>
      </pre>
      {shown !== text && (
        <p className={classes.more}>
          {grouped(LINES_FIRST)} of {grouped(lines.length)} lines shown
          <Button size="compact-sm" variant="default" onClick={onShowAll}>
            Show all
          </Button>
        </p>
      )}
    </div>
  );
}

/** Whether a text is shown whole, and what shows it. */
export function useWhole(text: string): readonly [isWhole: boolean, showAll: () => void] {
  const [shownOf, setShownOf] = useState<string | null>(null);
  return [isShort(text) || shownOf === text, () => setShownOf(text)];
}
