import { CODE, untoned } from './tone.ts';

/** Codes of colours take no room; everything else is one character at a time. */
const UNITS = new RegExp(`${CODE}|[^]`, 'gu');

/** At most as many cells as any terminal gives it: many letters, Greek ones as well, are wide where East Asia sets it so. */
function cellsOf(unit: string): number {
  if (unit.startsWith('\u001B')) return 0;
  return (unit.codePointAt(0) ?? 0) < 0x80 ? 1 : 2;
}

/** How many cells of a terminal a text takes at most. */
export function widthOf(text: string): number {
  return Array.from(untoned(text)).reduce((sum, character) => sum + cellsOf(character), 0);
}

export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** How wide the first line of a text may be, and those after it. */
export interface Room {
  readonly first: number;
  readonly rest: number;
}

/** The text in pieces that fit, broken after blanks, else after commas and slashes, else within words. Nothing is lost. */
export function pieces(text: string, { first, rest }: Room): string[] {
  const found: string[] = [];
  let units: readonly string[] = text.match(UNITS) ?? [];
  for (let room = first; ; room = rest) {
    const fitting = countFitting(units, room);
    if (fitting === units.length) return [...found, units.join('')];
    const end = breakAt(units, fitting);
    found.push(units.slice(0, end).join(''));
    units = units.slice(end);
  }
}

function countFitting(units: readonly string[], room: number): number {
  let used = 0;
  for (const [index, unit] of units.entries()) {
    used += cellsOf(unit);
    if (used > room) return Math.max(index, 1);
  }
  return units.length;
}

function breakAt(units: readonly string[], fitting: number): number {
  const line = units.slice(0, fitting);
  const blank = line.lastIndexOf(' ');
  if (blank >= fitting / 4) return blank + 1;
  const mark = Math.max(line.lastIndexOf(','), line.lastIndexOf('/'));
  return mark >= fitting / 2 ? mark + 1 : fitting;
}
