import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Timeline } from '../../../contract/history.ts';
import { nameText } from './names.ts';
import { resultText } from './result.ts';
import { CELL } from './table.ts';
import { clock } from './times.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

type Item = Timeline['items'][number];

const WHO = { person: 'a person', agent: 'an agent' } as const;

/** One entry of what happened, with the parts that the reader may see below it. */
export function itemLines(item: Item): string[] {
  const grade = item.grade === undefined ? '' : ` (evidence grade ${item.grade})`;
  return [
    `${clock(item.at)}${CELL}${whoText(item.actor)}${visible(item.text)}${grade}`,
    ...Object.entries(item.parts ?? {}).map(
      ([part, body]) => `    | ${visible(part)}: ${bodyText(part, body)}`,
    ),
  ];
}

function bodyText(part: string, body: JsonValue): string {
  return part === 'result' ? resultText(body as RequestView['result']) : visibleJson(body);
}

/** An entry that names nobody was made by Keyturn itself. */
function whoText({ kind, name, id }: Item['actor']): string {
  if (kind === 'system') return '';
  if (name === undefined) return `${WHO[kind]}: `;
  return `${nameText({ id: id ?? name, name: id === undefined ? undefined : name })}: `;
}
