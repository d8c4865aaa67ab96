import 'react-diff-view/style/index.css';

import { Decoration, Diff, Hunk, type HunkData, type HunkTokens, type RenderToken } from 'react-diff-view';

import { Foreign } from '../shown/foreign.tsx';
import { diffHunks, type DiffHunk } from './diff-hunks.ts';
import classes from './file-diffs.module.css';
import type { Card } from './view.ts';
import { Wide } from './wide.tsx';

/** Files with their changed lines. */
export function FileDiffs({ files }: { readonly files: NonNullable<Card['files']> }) {
  return files.map(({ file, diff }) => {
    const hunks = diffHunks(diff);
    return (
      <div key={file} className={classes.file}>
        <h3 className={classes.name}>
          <Foreign text={file} />
        </h3>
        <Wide label={`Changes to ${file}`}>
          <Diff
            viewType="unified"
            diffType="modify"
            hunks={hunks as unknown as HunkData[]}
            tokens={tokensOf(hunks)}
            renderToken={renderToken}
            className={classes['diff'] ?? ''}
          >
            {(drawn) =>
              drawn.flatMap((hunk) => [
                <Decoration
                  key={`${hunk.oldStart} ${hunk.newStart} head`}
                  contentClassName={classes['hunk'] ?? ''}
                >
                  {hunk.content}
                </Decoration>,
                <Hunk key={`${hunk.oldStart} ${hunk.newStart}`} hunk={hunk} />,
              ])
            }
          </Diff>
        </Wide>
      </div>
    );
  });
}

/** Each line is one token, so that it is drawn by us: a comment may hold anything. */
function tokensOf(hunks: readonly DiffHunk[]): HunkTokens {
  const tokens: HunkTokens = { old: [], new: [] };
  for (const change of hunks.flatMap(({ changes }) => changes)) {
    const line = [{ type: 'text', value: change.content }];
    if (change.type === 'insert') tokens.new[change.lineNumber - 1] = line;
    else if (change.type === 'delete') tokens.old[change.lineNumber - 1] = line;
    else {
      tokens.old[change.oldLineNumber - 1] = line;
      tokens.new[change.newLineNumber - 1] = line;
    }
  }
  return tokens;
}

const renderToken: RenderToken = (token, _byDefault, index) => (
  <Foreign key={index} text={String(token['value'] ?? '')} hasLines />
);
