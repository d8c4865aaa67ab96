import { REVIEW } from '../../domain/policy/policy.ts';
import { didYouMean, quote } from '../../domain/conditions/did-you-mean.ts';
import type { TargetPage } from '../../contract/targets.ts';
import type { KeyturnClient } from '../../sdk/client.ts';
import { given } from './arguments.ts';
import { allPages } from './pages.ts';

type Target = TargetPage['items'][number];

export type Filter = Readonly<Partial<Record<'environment' | 'action' | 'target', string | undefined>>>;

export async function allTargets(client: KeyturnClient, filter: Filter = {}): Promise<Target[]> {
  const query = given({ environment: filter.environment, action: filter.action });
  return [...(await allPages((position) => client.targets({ ...query, ...position }))).items];
}

/** A misspelt name finds nothing, which looks like an answer: says which names the catalogue does not have. */
export async function unknownNames(client: KeyturnClient, filter: Filter): Promise<string[]> {
  const { environment, action, target } = filter;
  if (environment === undefined && action === undefined && target === undefined) return [];
  const targets = await allTargets(client);
  const actions = action === undefined ? [] : (await client.actions()).items;
  const known = [
    ['environment', environment, targets.map((one) => one.environment)],
    ['target', target, targets.map(({ id }) => id)],
    [
      'action',
      action,
      [...actions.map((one) => one.action), ...targets.flatMap((one) => one.actions), REVIEW.action],
    ],
  ] as const;
  return known.flatMap(([what, name, names]) =>
    name === undefined || names.includes(name) ? [] : [unknownText(what, name, [...new Set(names)])],
  );
}

/** More names are left to the command that lists them. */
const LISTED_MAX = 10;

function unknownText(
  what: 'environment' | 'target' | 'action',
  name: string,
  known: readonly string[],
): string {
  const shown =
    known.length > LISTED_MAX
      ? `To list all: keyturn ${what === 'action' ? 'actions' : 'targets'}`
      : `There are: ${known.map(quote).join(', ')}`;
  return `There is no ${what} ${quote(name)}${didYouMean(name, known) || `. ${shown}`}`;
}
