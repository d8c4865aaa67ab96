import { visible, visibleJson } from '../../../domain/cards/visible.ts';

export interface Named {
  readonly id: string;
  readonly name?: string | undefined;
}

/** `"Olga Petrenko" (olga)`: names can be changed by those who have them, so no name passes for words of ours. */
export function nameText({ id, name }: Named): string {
  return name === undefined ? visibleJson(id) : `${visibleJson(name)} (${visible(id)})`;
}
