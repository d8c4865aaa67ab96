import { styleText } from 'node:util';

/** What a word on the screen means to its reader. */
export type Tone = 'good' | 'bad' | 'warning' | 'alarm' | 'heading' | 'quiet';

const FORMATS: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  good: 'green',
  bad: 'red',
  warning: 'yellow',
  alarm: ['red', 'bold'],
  heading: 'bold',
  quiet: 'dim',
};

/** Text in a colour. The terminal takes the colour away again where it shows none. */
export function toned(tone: Tone, text: string): string {
  return styleText(FORMATS[tone], text, { validateStream: false });
}

/** A sequence that `FORMATS` begins or ends with, as a pattern. Foreign text holds none: `visible` leaves no control character in it. */
export const CODE = '\\u001B\\[(?:[12]|22|3[1-39])m';

const CODES = new RegExp(CODE, 'g');

export function untoned(text: string): string {
  return text.replace(CODES, '');
}

const TONES: ReadonlyMap<string, Tone> = new Map([
  ['approved', 'good'],
  ['succeeded', 'good'],
  ['approve', 'good'],
  ['allow', 'good'],
  ['low', 'good'],
  ['ok', 'good'],
  ['pending', 'warning'],
  ['review', 'warning'],
  ['undecided', 'warning'],
  ['defer', 'warning'],
  ['take_back', 'warning'],
  ['medium', 'warning'],
  ['not shown', 'warning'],
  ['expired', 'bad'],
  ['denied', 'bad'],
  ['deny', 'bad'],
  ['forbid', 'bad'],
  ['failed', 'bad'],
  ['high', 'bad'],
  ['indeterminate', 'alarm'],
  ['critical', 'alarm'],
  ['FAIL', 'alarm'],
  ['FAILED', 'alarm'],
  ['BREAK-GLASS', 'alarm'],
]);

/** A word of the server (a status, a risk, a verdict) in its colour; `text` stands in its place where more is to be said. */
export function tonedWord(word: string, text = word): string {
  const tone = TONES.get(word);
  return tone === undefined ? text : toned(tone, text);
}
