import { KEYS } from './keys.ts';
import type { BusinessCalendar } from '../domain/calendar/calendar.ts';
import type { FreezeWindow } from '../domain/calendar/freeze.ts';
import { byId } from './calendars.ts';
import { readSpan } from './clocks.ts';
import type { Names } from './names.ts';
import type { Value } from './value.ts';

export interface FreezeContext {
  readonly names: Names;
  readonly calendars: readonly BusinessCalendar[];
}

/** Reads `freezes`. Environments, actions and calendars must have been read. */
export function readFreezes(value: Value | undefined, context: FreezeContext): readonly FreezeWindow[] {
  return byId((value?.list() ?? []).map((item) => readFreeze(item, context)));
}

function readFreeze(value: Value, context: FreezeContext): FreezeWindow {
  const { names } = context;
  const fields = value.fields(KEYS['freezes']);
  return {
    id: names.declareId('freeze', fields),
    title: fields.text('title'),
    ...readSpan(fields, zoneOf(fields.get('calendar'), context)),
    environments: readScope(fields.get('environments'), 'environment', names),
    actions: readScope(fields.get('actions'), 'action', names),
  };
}

/** The zone of the calendar; undefined without one, empty when that calendar was refused. */
function zoneOf(value: Value | undefined, { names, calendars }: FreezeContext): string | undefined {
  if (!value) return undefined;
  const id = names.read('calendar', value);
  return calendars.find((calendar) => calendar.id === id)?.time_zone ?? '';
}

/** The listed names; null, which is all, when there is no list. */
function readScope(
  value: Value | undefined,
  kind: 'environment' | 'action',
  names: Names,
): readonly string[] | null {
  return value ? value.names().map((item) => names.read(kind, item)) : null;
}
