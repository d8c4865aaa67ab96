import { KEYS } from './keys.ts';
import { rotationStartMs, type RotationOverride, type Rotation } from '../domain/calendar/rotation.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { dayOfDate, WEEKDAYS, weekdayOfDay, type Weekday } from '../domain/calendar/wall-clock.ts';
import { byId } from './calendars.ts';
import { readDate, readSpan, readTime, readTimeZone } from './clocks.ts';
import type { Names } from './names.ts';
import type { PolledRotation } from '../domain/calendar/polled-rotation.ts';
import { isPolled, readPolledRotation } from './polled-rotations.ts';
import type { Value } from './value.ts';

export type Rotations = Pick<PolicySet, 'rotations' | 'polled_rotations'>;

/** Reads `selectors.oncall`: a mapping from ids to rotations. The directory must have been read. */
export function readRotations(value: Value | undefined, names: Names): Rotations {
  if (value && !value.isMapping()) names.markIncomplete('rotation');
  const rotations: Rotation[] = [];
  const polled: PolledRotation[] = [];
  for (const pair of value?.pairs() ?? []) {
    const id = pair.key.name();
    names.declare('rotation', id, pair.key);
    if (isPolled(pair.value)) polled.push(readPolledRotation(pair.value, id, names));
    else rotations.push(readRotation(pair.value, id, names));
  }
  const polledRotations = polled.length === 0 ? {} : { polled_rotations: byId(polled) };
  return { rotations: byId(rotations), ...polledRotations };
}

function readRotation(value: Value, id: string, names: Names): Rotation {
  const fields = value.fields(KEYS['selectors.oncall.ID, written out']);
  const time_zone = readTimeZone(fields.get('time_zone'));
  const hand_over = readHandOver(fields.get('hand_over'));
  const starts_on = readStart(fields.get('starts_on'), hand_over?.day);
  const people = fields.names('people').map((person) => names.read('person', person));
  const turns = { time_zone, hand_over: hand_over ?? { day: 'mon' as const, time: '' }, starts_on };
  const overrides = readOverrides(fields.list('overrides'), { names, turns });
  return { id, ...turns, people, overrides };
}

function readHandOver(value: Value | undefined): Rotation['hand_over'] | undefined {
  const fields = value?.fields(KEYS['selectors.oncall.ID.hand_over']);
  const day = fields?.get('day')?.choice(WEEKDAYS);
  const time = readTime(fields?.get('time'));
  return day === undefined ? undefined : { day, time };
}

/** The first hand-over is on the day of hand-overs: else the length of the first turn would be unclear. */
function readStart(value: Value | undefined, day: Weekday | undefined): string {
  const date = readDate(value);
  const found = dayOfDate(date);
  if (found !== null && day !== undefined && weekdayOfDay(found) !== day) {
    value?.refuse(`is a ${weekdayOfDay(found)}, but turns begin on ${day}`);
  }
  return date;
}

interface OverrideContext {
  readonly names: Names;
  readonly turns: Pick<Rotation, 'time_zone' | 'hand_over' | 'starts_on'>;
}

interface ReadOverride {
  readonly at: Value;
  readonly override: RotationOverride;
}

function readOverrides(values: readonly Value[], context: OverrideContext): readonly RotationOverride[] {
  const read = values.map((at) => ({ at, override: readOverride(at, context) }));
  read.sort((left, right) => (left.override.from < right.override.from ? -1 : 1));
  refuseOverlaps(read);
  return read.map(({ override }) => override);
}

function readOverride(value: Value, { names, turns }: OverrideContext): RotationOverride {
  const fields = value.fields(KEYS['selectors.oncall.ID.overrides']);
  const span = readSpan(fields, turns.time_zone);
  const person = fields.get('person');
  refuseBeforeStart(fields.get('from'), span.from, turns);
  return { ...span, person: person ? names.read('person', person) : '' };
}

/** Before the first turn nobody is on call, so nobody can stand in. */
function refuseBeforeStart(at: Value | undefined, from: string, turns: OverrideContext['turns']): void {
  const isReadable = turns.time_zone !== '' && turns.starts_on !== '' && turns.hand_over.time !== '';
  if (!isReadable || from === '') return;
  if (Date.parse(from) < rotationStartMs(turns)) at?.refuse('before the rotation starts');
}

/** Two people cannot stand in at once. A span that could not be read overlaps nothing. */
function refuseOverlaps(sorted: readonly ReadOverride[]): void {
  let latest: ReadOverride | undefined;
  for (const current of sorted) {
    const { from, to } = current.override;
    if (from === '' || to === '') continue;
    if (latest && from < latest.override.to) {
      current.at.refuse(`overlaps the override at ${latest.at.location()}`);
    }
    if (!latest || to > latest.override.to) latest = current;
  }
}
