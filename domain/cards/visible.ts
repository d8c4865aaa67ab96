/**
 * Everything that a terminal or a browser would act on or hide instead of showing: control characters (ANSI sequences begin with
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

const UNSEEN = new RegExp(
  [STACKED_MARK, HIDDEN, BLANK, LONG_BLANKS].map(({ source }) => source).join('|'),
  'gu',
);

/**
 * A part of foreign text. `hidden`: what stands for characters that would be hidden or obeyed, such as `<U+202E>`.
 * `mixed`: a word whose letters are of scripts that no language writes together, so that it may pass for another word.
 */
export type Piece =
  | { readonly kind: 'plain' | 'hidden'; readonly text: string }
  | { readonly kind: 'mixed'; readonly text: string; readonly scripts: readonly string[] };

/** Foreign text in pieces, for a page that marks them in another way than by text. Nothing is cut. */
export function pieces(text: string): readonly Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const { 0: unseen, index } of text.matchAll(UNSEEN)) {
    for (const piece of words(text.slice(end, index))) found.push(piece);
    found.push({ kind: 'hidden', text: nameOf(unseen) });
    end = index + unseen.length;
  }
  for (const piece of words(text.slice(end))) found.push(piece);
  return found;
}

/**
 * Foreign text as one line, safe to print: what would be hidden or obeyed is shown as `<U+202E>`, padding as `<200 spaces>`,
 * and what a word is mixed of after it, as `<mixes Latin and Cyrillic>`. Nothing is cut.
 */
export function visible(text: string): string {
  return pieces(text)
    .map((piece) =>
      piece.kind === 'mixed' ? `${piece.text}<mixes ${piece.scripts.join(' and ')}>` : piece.text,
    )
    .join('');
}

/** Scripts with letters that look like those of others, and those that are written together with others. */
const SCRIPTS =
  'Latin Greek Cyrillic Armenian Georgian Hebrew Arabic Cherokee Coptic Lisu Han Hiragana Katakana Bopomofo Hangul'.split(
    ' ',
  );

/** What languages write together (Unicode Technical Standard 39, section 5.2, highly restrictive). */
const TOGETHER = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];

const NEUTRAL = String.raw`\p{Script=Common}\p{Script=Inherited}`;
const LATIN = new RegExp(String.raw`^[\p{Script_Extensions=Latin}${NEUTRAL}]*$`, 'u');
/** Of one script, or of those that are written together; all scripts that are not listed count as one. */
const USUAL = [
  ...[...SCRIPTS.map((script) => [script]), ...TOGETHER].map(
    (scripts) =>
      `[${scripts.map((script) => String.raw`\p{Script_Extensions=${script}}`).join('')}${NEUTRAL}]`,
  ),
  `[^${SCRIPTS.map((script) => String.raw`\p{Script=${script}}`).join('')}]`,
].map((letters) => new RegExp(`^${letters}+$`, 'u'));
const LETTERS = SCRIPTS.map((script) => [script, new RegExp(String.raw`\p{Script=${script}}`, 'u')] as const);
const UNLISTED = new RegExp(
  `[^${SCRIPTS.map((script) => String.raw`\p{Script=${script}}`).join('')}${NEUTRAL}]`,
  'u',
);

const WORD = /[\p{L}\p{M}\p{N}]+/gu;

function words(text: string): readonly Piece[] {
  if (text === '') return [];
  if (LATIN.test(text)) return [{ kind: 'plain', text }];
  const found: Piece[] = [];
  let end = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (USUAL.some((usual) => usual.test(word))) continue;
    if (index > end) found.push({ kind: 'plain', text: text.slice(end, index) });
    found.push({ kind: 'mixed', text: word, scripts: scriptsOf(word) });
    end = index + word.length;
  }
  return end < text.length ? [...found, { kind: 'plain', text: text.slice(end) }] : found;
}

function scriptsOf(word: string): readonly string[] {
  const names = LETTERS.filter(([, letters]) => letters.test(word)).map(([script]) => script);
  return UNLISTED.test(word) ? [...names, 'another script'] : names;
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

function nameOf(unseen: string): string {
  if (unseen.startsWith(' ')) return `<${unseen.length} spaces>`;
  const hex = (unseen.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `<U+${hex}>`;
}
