import type { Timeline } from '../../../domain/wire.ts';
import { clock } from './times.ts';
import { visible, visibleJson } from './visible.ts';

type Item = Timeline['items'][number];

/** What happened, one entry a line, with the parts that the reader may see below it. */
export function timelineLines(timeline: Timeline): string[] {
  return timeline.items.flatMap(itemLines);
}

const WHO = { system: 'Keyturn', person: 'a person', agent: 'an agent' } as const;

/** One entry of a timeline. */
export function itemLines(item: Item): string[] {
  const { kind, name, id } = item.actor;
  const known = id === undefined ? '' : ` (${visible(id)})`;
  // Whoever has a name can often change it: it stands in quotes, behind the words of the server.
  const who = name === undefined || kind === 'system' ? WHO[kind] : `${visibleJson(name)}${known}`;
  const grade = item.grade === undefined ? '' : ` [evidence ${item.grade}]`;
  return [
    `${clock(item.at)}  ${visible(item.text)}${grade} By ${who}`,
    ...Object.entries(item.parts ?? {}).map(([part, body]) => `    ${visible(part)}: ${visibleJson(body)}`),
  ];
}
