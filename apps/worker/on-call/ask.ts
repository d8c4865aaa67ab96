import { z } from 'zod';

import { resolveOwnReference } from '../../../activities/connectors/references.ts';
import type { OnCallAnswer } from '../../../database/on-call.ts';
import { fetchJson, ServiceFault, type NamedPeople, type ServiceCall } from './fetch-json.ts';
import { callPagerduty } from './pagerduty.ts';
import type { OnCallSource } from './sources.ts';

/** More people than these are not a rotation. */
const PEOPLE_MAX = 2_000;

/** Asks a service about one schedule. The whole answer or none: throws `ServiceFault` when any part of it is missing. */
export async function askSource(
  source: OnCallSource,
  schedule: string,
  signal: AbortSignal,
): Promise<OnCallAnswer> {
  // Resolved each time, so that a token that was replaced is used at once.
  const token = source.token === undefined ? null : await resolveOwnReference(source.token);
  const people = await (source.kind === 'pagerduty'
    ? callPagerduty({ base: new URL(source.url), token, signal }, schedule)
    : askPlainly({ base: located(source.url, schedule), token, signal }));
  return {
    source: source.name,
    schedule,
    issuer: source.issuer,
    members: unique(people.members),
    on_duty: unique(people.on_duty),
  };
}

function located(url: string, schedule: string): URL {
  return new URL(url.replaceAll('{schedule}', encodeURIComponent(schedule)));
}

function unique(ids: readonly string[]): readonly string[] {
  const found = [...new Set(ids)].sort();
  if (found.length > PEOPLE_MAX) throw new ServiceFault('it names too many people');
  return found;
}

const id = z.string().min(1).max(200);
const plainSchema = z.object({
  members: z.array(id).max(PEOPLE_MAX),
  on_duty: z.array(id).max(PEOPLE_MAX),
});

/** Keyturn's own form: one GET says it all. */
async function askPlainly({ base, token, signal }: ServiceCall): Promise<NamedPeople> {
  const headers = {
    accept: 'application/json',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  return fetchJson(base, { headers, signal }, plainSchema);
}
