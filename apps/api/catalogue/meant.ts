import { didYouMean } from '../../../domain/suggestion.ts';

/** Longer names, and longer lists, are not compared: whoever asks could keep the process busy with it. */
const CHARACTERS_MAX = 64;
const NAMES_MAX = 1_000;

/** ` Did you mean 'shop'?` where a name that the caller may know is close to the one given, else nothing. */
export function meant(name: string, known: readonly string[]): string {
  if (name.length > CHARACTERS_MAX) return '';
  return didYouMean(name, known.slice(0, NAMES_MAX)).replace(/^, d/, ' D');
}
