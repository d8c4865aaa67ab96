/**
 * Everything that a terminal would act on or hide instead of showing: control characters (ANSI sequences begin with
 * one), bidirectional and zero-width characters, tags, surrogates, private and unassigned code points, and every space
 * but the plain one.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;

/** Letters, marks and symbols that are drawn as nothing: Braille, hieroglyphs, notes, fillers, an object that is missing. */
const BLANK = /\u2800|\uFFFC|\u{13441}|\u{13442}|\u{16FE4}|\u{1D159}/gu;

/** More than three marks on one letter overlap the lines around it. */
const STACKED_MARK = /(?<=\p{M}{3})\p{M}/gu;

/** Longer runs of blanks push what follows out of sight, or to where it passes for something else. */
const LONG_BLANKS = / {17,}/g;

/** Foreign text as one line, safe to print: what would be hidden or obeyed is shown as `<U+202E>`, padding as `<200 spaces>`. Nothing is cut. */
export function visible(text: string): string {
  return text
    .replace(STACKED_MARK, codePoint)
    .replace(HIDDEN, codePoint)
    .replace(BLANK, codePoint)
    .replace(LONG_BLANKS, (blanks) => `<${blanks.length} spaces>`);
}

/** Foreign text of several lines, each made visible on its own and marked with a prefix that the text cannot forge. */
export function visibleLines(text: string, prefix = ''): string[] {
  return text.split('\n').map((line) => `${prefix}${visible(line)}`);
}

/** A JSON value on one line, safe to print. Text keeps its quotes, so that the word null is not taken for null. */
export function visibleJson(value: unknown): string {
  return visible(JSON.stringify(value) ?? 'undefined');
}

/** The same JSON, safe to print: what would be hidden or obeyed can only stand inside of its texts, and is escaped there. */
export function visibleDocument(json: string): string {
  return json.replace(HIDDEN, (hidden) =>
    hidden === '\n' ? hidden : hidden.split('').map(escaped).join(''),
  );
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `<U+${hex}>`;
}
