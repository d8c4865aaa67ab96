/** Narrower terminals are written to as if they were this wide. */
const COLUMNS_MIN = 20;

/** A prefix of our own that continued lines repeat; longer ones would leave no room. */
const MARGIN = /^ {0,16}(?:[|>!] )?/;
const CONTINUED = '... ';

/** What is meant to be copied: ids, digests and tickets, which cannot pass for a sentence. */
const TOKEN = /^[\w.:~-]+$/;

/**
 * Text broken to the width of a terminal. A terminal breaks long lines itself and starts the rest at its edge, where
 * padded text would pass for a line of ours: so every continued line has a margin that nothing foreign can remove.
 */
export function wrapped(text: string, columns: number): string {
  const width = Math.max(columns, COLUMNS_MIN);
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, width))
    .join('\n');
}

function wrapLine(line: string, width: number): readonly string[] {
  if (TOKEN.test(line)) return [line];
  const margin = `${MARGIN.exec(line)?.[0] ?? ''}${CONTINUED}`;
  const lines: string[] = [];
  let rest = Array.from(line);
  for (let prefix = ''; ; prefix = margin) {
    const room = width - prefix.length;
    const fitting = countFitting(rest, room);
    if (fitting === rest.length) return [...lines, `${prefix}${rest.join('')}`];
    const end = breakAt(rest, fitting);
    lines.push(`${prefix}${rest.slice(0, end).join('')}`);
    rest = rest.slice(end);
  }
}

function countFitting(characters: readonly string[], room: number): number {
  let used = 0;
  for (const [index, character] of characters.entries()) {
    used += cellsOf(character);
    if (used > room) return Math.max(index, 1);
  }
  return characters.length;
}

/** After the last blank of the second half, else in the middle of a word. */
function breakAt(characters: readonly string[], fitting: number): number {
  const blank = characters.slice(0, fitting).lastIndexOf(' ');
  return blank >= fitting / 4 ? blank + 1 : fitting;
}

/** At most as many cells as any terminal gives it: many letters, Greek ones as well, are wide where East Asia sets it so. */
function cellsOf(character: string): number {
  return (character.codePointAt(0) ?? 0) < 0x80 ? 1 : 2;
}
