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
  readonly whole: Whole;
}

/** How much of a text is shown. */
export interface Whole {
  readonly isWhole: boolean;
  readonly linesFirst: number;
  readonly showAll: () => void;
}

/** A text exactly as it is, with marks for what would not be seen. */
export function CodeBlock({ text, language, what, whole }: CodeBlockProps) {
  const lines = text.split('\n');
  const shown = whole.isWhole ? text : lines.slice(0, whole.linesFirst).join('\n');
  const tokens: readonly SqlToken[] =
    language === 'sql' ? sqlTokens(shown) : [{ kind: 'plain', text: shown }];
  return (
    <div className={classes.block}>
      <div className={classes.copy}>
        <Copy text={text} what={what} />
      </div>
      <pre className={classes.code} tabIndex={0} role="group" aria-label={what}>
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
          {grouped(whole.linesFirst)} of {grouped(lines.length)} lines shown
          <Button size="compact-sm" variant="default" onClick={whole.showAll}>
            Show all
          </Button>
        </p>
      )}
    </div>
  );
}

const LINES_FIRST = 40;

/** A long text is folded until somebody wants all of it. */
export function useWhole(text: string, linesFirst = LINES_FIRST): Whole {
  const [unfolded, setUnfolded] = useState<string | null>(null);
  const isShort = text.split('\n', linesFirst + 1).length <= linesFirst;
  return { isWhole: isShort || unfolded === text, linesFirst, showAll: () => setUnfolded(text) };
}
