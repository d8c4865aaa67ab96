import type { Timeline } from '../../../domain/wire.ts';
import { clock } from './times.ts';
import { visible, visibleJson } from './visible.ts';

type Item = Timeline['items'][number];

/** What happened, one entry a line, with the parts that the reader may see below it. */
export function timelineLines(timeline: Timeline): string[] {
  return timeline.items.flatMap(itemLines);
}

/** One entry of a timeline. */
export function itemLines(item: Item): string[] {
  const who = item.actor.name ?? (item.actor.kind === 'system' ? 'keyturn' : item.actor.kind);
  const grade = item.grade === undefined ? '' : ` [evidence ${item.grade}]`;
  return [
    `${clock(item.at)}  ${visible(who)}: ${visible(item.text)}${grade}`,
    ...Object.entries(item.parts ?? {}).map(([part, body]) => `    ${visible(part)}: ${visibleJson(body)}`),
  ];
}
