/** One line of a hunk, as the library that draws diffs wants it. */
export type HunkChange =
  | {
      readonly type: 'insert';
      readonly content: string;
      readonly lineNumber: number;
      readonly isInsert: true;
    }
  | {
      readonly type: 'delete';
      readonly content: string;
      readonly lineNumber: number;
      readonly isDelete: true;
    }
  | {
      readonly type: 'normal';
      readonly content: string;
      readonly oldLineNumber: number;
      readonly newLineNumber: number;
      readonly isNormal: true;
    };

export interface DiffHunk {
  readonly content: string;
  readonly oldStart: number;
  readonly newStart: number;
  readonly oldLines: number;
  readonly newLines: number;
  readonly changes: readonly HunkChange[];
}

const HEADER = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/**
 * The hunks of a unified diff as Keyturn makes it: each begins with `@@ -22 +22 @@`, without counts. A line that is none of a
 * diff is kept as one that does not change: nothing of the text is left out.
 */
export function diffHunks(diff: string): readonly DiffHunk[] {
  const hunks: { header: RegExpExecArray | null; lines: string[] }[] = [];
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const header = HEADER.exec(line);
    if (header || hunks.length === 0) hunks.push({ header, lines: header ? [] : [line] });
    else hunks.at(-1)?.lines.push(line);
  }
  return hunks.map(({ header, lines }) => hunkOf(lines, Number(header?.[1] ?? 1), Number(header?.[2] ?? 1)));
}

function hunkOf(lines: readonly string[], oldStart: number, newStart: number): DiffHunk {
  let [oldLine, newLine] = [oldStart, newStart];
  const changes = lines.map((line): HunkChange => {
    const content = line.slice(1);
    if (line.startsWith('+')) return { type: 'insert', content, lineNumber: newLine++, isInsert: true };
    if (line.startsWith('-')) return { type: 'delete', content, lineNumber: oldLine++, isDelete: true };
    return {
      type: 'normal',
      content: line.startsWith(' ') ? content : line,
      oldLineNumber: oldLine++,
      newLineNumber: newLine++,
      isNormal: true,
    };
  });
  return {
    content: `Lines from ${newStart}`,
    oldStart,
    newStart,
    oldLines: oldLine - oldStart,
    newLines: newLine - newStart,
    changes,
  };
}
