import { z } from 'zod';

import { fetchJson, ServiceFault, type NamedPeople, type ServiceCall } from './fetch-json.ts';

/** Entries a page, the most that the interface gives, and pages: one schedule has a few. */
const PAGE = 100;
const PAGES_MAX = 20;

/** Who stands in some day soon belongs to the rotation already. */
const AHEAD_MS = 30 * 86_400_000;

const reference = z.object({ id: z.string().min(1).max(200), deleted_at: z.string().nullish() });

const onCallsSchema = z.object({
  oncalls: z.array(z.object({ user: reference, schedule: reference.nullish() })).max(PAGE),
  more: z.boolean().nullish(),
});
const scheduleSchema = z.object({ schedule: z.object({ id: z.string(), users: z.array(reference) }) });
const usersSchema = z.object({ users: z.array(reference) });

/**
 * Asks PagerDuty (REST API, version 2). On call: the on-calls of this moment that come of the schedule, so it must be in
 * use by an escalation policy. In the rotation: the people of the schedule's layers, and those it puts on call within a
 * month, overrides included.
 */
export async function callPagerduty(call: ServiceCall, schedule: string): Promise<NamedPeople> {
  const [onCall, layers, soon] = await Promise.all([
    onCallNow(call, schedule),
    peopleOfLayers(call, schedule),
    peopleSoon(call, schedule),
  ]);
  return { members: [...layers, ...soon], on_duty: onCall };
}

async function onCallNow(call: ServiceCall, schedule: string): Promise<readonly string[]> {
  const found: string[] = [];
  let offset = 0;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { 'schedule_ids[]': schedule, limit: String(PAGE), offset: String(offset) };
    const { oncalls, more } = await get(call, ['oncalls'], { query, schema: onCallsSchema });
    // What answers without looking at the question must not put others on call.
    const ours = oncalls.filter((entry) => entry.schedule?.id === schedule);
    found.push(...idsOf(ours.map(({ user }) => user)));
    if (more !== true) return found;
    // A page may be shorter than was asked for.
    offset += oncalls.length;
  }
  throw new ServiceFault('it has too many pages');
}

async function peopleOfLayers(call: ServiceCall, id: string): Promise<readonly string[]> {
  const { schedule } = await get(call, ['schedules', id], { query: {}, schema: scheduleSchema });
  if (schedule.id !== id) throw new ServiceFault('it answered about another schedule');
  return idsOf(schedule.users);
}

async function peopleSoon(call: ServiceCall, id: string): Promise<readonly string[]> {
  const now = Date.now();
  const query = { since: new Date(now).toISOString(), until: new Date(now + AHEAD_MS).toISOString() };
  return idsOf((await get(call, ['schedules', id, 'users'], { query, schema: usersSchema })).users);
}

/** People who were deleted at the service may still be in its answers. */
function idsOf(references: readonly z.infer<typeof reference>[]): readonly string[] {
  return references.filter(({ deleted_at: deletedAt }) => !deletedAt).map(({ id }) => id);
}

async function get<Answer>(
  { base, token, signal }: ServiceCall,
  path: readonly string[],
  { query, schema }: { readonly query: Record<string, string>; readonly schema: z.ZodType<Answer> },
): Promise<Answer> {
  const url = new URL(path.map(encodeURIComponent).join('/'), base.href.replace(/\/*$/, '/'));
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const headers = {
    accept: 'application/vnd.pagerduty+json;version=2',
    authorization: `Token token=${token ?? ''}`,
  };
  return fetchJson(url, { headers, signal }, schema);
}
