import { rowLines, tableOf, type Table } from './columns.ts';
import { CELL } from './table.ts';
import { CODE, untoned } from './tone.ts';
import { visible } from '../../../domain/cards/visible.ts';
import { pieces } from './width.ts';

/** Narrower terminals are written to as if they were this wide. */
const COLUMNS_MIN = 24;

/** What is meant to be copied: ids, digests and tickets, which cannot pass for a sentence. */
const TOKEN = /^"?[\w.:~-]+"?$/;

/** All that a terminal obeys or hides, and what is ours of it: colours, cells, lines. */
const OBEYED = new RegExp(`${CODE}|[^\\P{C}\\n${CELL}]`, 'gu');
const OURS = new RegExp(`^${CODE}$`);

/**
 * Text as a terminal of that width shows it; null where a program reads it, which gets each row on one line. A terminal
 * breaks long lines itself and starts the rest at its edge, where padded text would pass for a line of ours: so every
 * continued line has a margin that nothing foreign can remove, and a cell of a table never leaves its column. Foreign text is
 * visible before; what Keyturn makes itself (digests, words) is not, and another server may answer in its place.
 */
export function laidOut(text: string, columns: number | null): string {
  const width = columns === null ? Infinity : Math.max(columns, COLUMNS_MIN);
  const shown = text.replace(OBEYED, (obeyed) => (OURS.test(obeyed) ? obeyed : visible(obeyed)));
  return blocksOf(shown.split('\n'))
    .flatMap((block) => blockLines(block, width))
    .join('\n');
}

/** Up to an empty line, rows with as many cells are one table: they share its columns. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = [[]];
  for (const line of lines) {
    if (line === '') blocks.push([line], []);
    else blocks.at(-1)?.push(line);
  }
  return blocks;
}

function blockLines(block: readonly string[], width: number): string[] {
  const rows = block.map((line) => line.split(CELL));
  const counts = new Set(rows.map((cells) => cells.length).filter((count) => count > 1));
  const tables = new Map<number, Table>();
  for (const count of counts) {
    const own = rows.filter((cells) => cells.length === count);
    tables.set(count, tableOf(own, width));
  }
  return rows.flatMap((cells) => {
    const table = tables.get(cells.length);
    return table ? rowLines(cells, table) : wrapLine(cells.join(''), width);
  });
}

/** A sign of ours in front of foreign text. */
const SIGNED = /^( *)[|>!<+~-] /;
const INDENT = /^ */;
const DEEPER = 4;

function wrapLine(line: string, width: number): string[] {
  if (TOKEN.test(line)) return [line];
  const margin = marginOf(line, width);
  const [first = '', ...rest] = pieces(line, { first: width, rest: width - margin.length });
  return [first, ...rest.map((piece) => `${margin}${piece}`)];
}

/** Below a sign of ours stands a colon, anything else goes on further to the right. */
function marginOf(line: string, width: number): string {
  const plain = untoned(line);
  const signed = SIGNED.exec(plain);
  const indent = signed?.[1] ?? INDENT.exec(plain)?.[0] ?? '';
  const margin = signed ? `${indent}: ` : indent + ' '.repeat(DEEPER);
  return margin.length > width / 2 ? ' '.repeat(DEEPER) : margin;
}
