import type { RequestView } from '../../../contract/requests.ts';
import { toned, type Tone } from './tone.ts';
import { visible } from '../../../domain/cards/visible.ts';

type Files = NonNullable<NonNullable<RequestView['plan']>['files']>;

/** Longer lines are continued under a mark of their own: where a terminal breaks them, what follows would look like a line. */
const WIDTH = 120;

const TONES: Readonly<Record<string, Tone>> = { '+': 'good', '-': 'bad', '@': 'quiet' };

/** How files change, file by file, every line after a mark that no line can forge. */
export function fileLines(files: Files): string[] {
  return files.flatMap(({ file, diff }) => [
    `  Changes to ${visible(file)}, in their author's words:`,
    ...diff.split('\n').flatMap(diffLines),
  ]);
}

function diffLines(line: string): string[] {
  const tone = TONES[line.charAt(0)];
  const parts = visible(line).match(PARTS) ?? [''];
  return parts.map((part, index) => {
    const marked = `    ${index === 0 ? '|' : '\\'} ${part}`;
    return tone === undefined ? marked : toned(tone, marked);
  });
}

const PARTS = new RegExp(`.{1,${WIDTH}}`, 'gu');
