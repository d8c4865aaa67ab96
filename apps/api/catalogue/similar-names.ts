import { didYouMean, quote } from '../../../domain/conditions/did-you-mean.ts';

/** Longer names, and longer lists, are not compared: a caller could keep the process busy with them. */
const CHARACTERS_MAX = 64;
const NAMES_MAX = 1_000;

/** How many names are listed where none is close. */
const LISTED_MAX = 10;

/** ` Did you mean 'shop'?` where a known name is close to the given one, else the first names. */
export function nameHint(name: string, known: readonly string[]): string {
  if (name.length > CHARACTERS_MAX) return '';
  return didYouMean(name, known.slice(0, NAMES_MAX)).replace(/^, d/, ' D') || listed(known);
}

function listed(known: readonly string[]): string {
  if (known.length === 0) return '';
  const more = known.length > LISTED_MAX ? ` and ${known.length - LISTED_MAX} more` : '';
  return ` Known here: ${known.slice(0, LISTED_MAX).map(quote).join(', ')}${more}.`;
}
