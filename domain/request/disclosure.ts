import type { ChannelLimit, Requirement } from './requirement.ts';

/** The limits, from the one that shows most to the one that shows least. */
export const CHANNEL_LIMITS: readonly ChannelLimit[] = ['all', 'summary', 'link'];

/**
 * What a channel may show of a request: a chat, a mail, a list, the Temporal UI. The link says that somebody is asked, and
 * where to look; the summary what is asked for and how it stands; details are everything else. Every channel asks here, so
 * that a limit of policy holds in each. Null for a requirement that is not known: nobody is asked anything, so nothing is
 * withheld.
 */
export function shownInChannel<Link, Summary, Details>(
  { link, summary, details }: { readonly link: Link; readonly summary: Summary; readonly details: Details },
  requirement: Pick<Requirement, 'channels'> | null,
): { readonly link: Link; readonly summary: Summary | null; readonly details: Details | null } {
  const limit = requirement?.channels ?? 'all';
  if (limit === 'all') return { link, summary, details };
  // A limit that only a later version knows shows least.
  return { link, summary: limit === 'summary' ? summary : null, details: null };
}

/** The stricter of two limits, as requirements carry them: absent is `all`. */
export function strictestLimit(
  left: Requirement['channels'],
  right: Requirement['channels'],
): Pick<Requirement, 'channels'> {
  const strictest = isLimitAtLeastAsStrict(left, right) ? left : right;
  return strictest === undefined ? {} : { channels: strictest };
}

/** True when whatever `strict` lets a channel show, `loose` lets it show as well. */
export function isLimitAtLeastAsStrict(
  strict: Requirement['channels'],
  loose: Requirement['channels'],
): boolean {
  return CHANNEL_LIMITS.indexOf(strict ?? 'all') >= CHANNEL_LIMITS.indexOf(loose ?? 'all');
}
