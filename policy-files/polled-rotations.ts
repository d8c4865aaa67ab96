import { KEYS } from './keys.ts';
import { STALENESS_MS, type PolledRotation } from '../domain/calendar/polled-rotation.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import type { PolicyTestGiven } from '../policy-authoring/policy-test.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import type { Value } from './value.ts';

/** Keys that only a rotation of a paging service has. */
const OWN_KEYS: ReadonlySet<string> = new Set(['source', 'schedule', 'maximum_staleness']);

/** As it goes into an address. */
const SCHEDULE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** True if the rotation is meant to be one of a paging service. */
export function isPolled(value: Value): boolean {
  return value.isMapping() && value.pairs().some(({ name }) => OWN_KEYS.has(name));
}

/** Reads `{ source, schedule, maximum_staleness }`. A policy never holds the source's address or secret. */
export function readPolledRotation(value: Value, id: string, names: Names): PolledRotation {
  const fields = value.fields(KEYS['selectors.oncall.ID, kept by a service']);
  const [source, schedule] = [fields.name('source'), readSchedule(fields.get('schedule'))];
  // Two bounds for one schedule would be a mistake.
  if (source !== '' && schedule !== '')
    names.declareOnce('schedule', `${source} ${schedule}`, { at: value, shown: schedule });
  return {
    id,
    source,
    schedule,
    maximum_staleness_ms: readStaleness(fields.get('maximum_staleness')),
  };
}

function readSchedule(value: Value | undefined): string {
  const schedule = value?.text() ?? '';
  if (schedule === '' || SCHEDULE.test(schedule)) return schedule;
  value?.refuse(`${quote(schedule)} is not the id of a schedule: letters, digits, and . _ - inside`);
  return '';
}

function readStaleness(value: Value | undefined): number {
  const milliseconds = value?.durationMs() ?? 0;
  const isInside = STALENESS_MS.min <= milliseconds && milliseconds <= STALENESS_MS.max;
  // What is no duration was reported as such.
  if (milliseconds !== 0 && !isInside) value?.refuse('not from 2m to 24h');
  return milliseconds;
}

/** Reads `on_call` of a test: who is on call by each rotation of a paging service. */
export function readOnCall(
  value: Value | undefined,
  { policy, names }: { readonly policy: PolicySet; readonly names: Names },
): Pick<PolicyTestGiven, 'on_call'> {
  if (!value) return {};
  const read = value.pairs().map(({ name, key, value: people }) => {
    names.require('rotation', name, key);
    if (policy.rotations.some(({ id }) => id === name))
      key.refuse(`${name} is written out: who is on call follows from the time`);
    return [name, people.list().map((person) => names.read('person', person))] as const;
  });
  return { on_call: Object.fromEntries(read) };
}
