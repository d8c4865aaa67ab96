import { KEYS } from './keys.ts';
import type { BusinessCalendar, BusinessHours } from '../domain/calendar/calendar.ts';
import { timeMs, WEEKDAYS, type Weekday } from '../domain/calendar/wall-clock.ts';
import { readDate, readTimeZone } from './clocks.ts';
import type { Names } from './names.ts';
import { didYouMean, quote } from './problem.ts';
import type { Value } from './value.ts';

/** More holidays in one calendar are refused: every look-up of an instant goes through them. */
const HOLIDAYS_MAX = 1000;

/** Reads `calendars`: a mapping from ids to calendars. */
export function readCalendars(value: Value | undefined, names: Names): readonly BusinessCalendar[] {
  if (value && !value.isMapping()) names.markIncomplete('calendar');
  const calendars = (value?.pairs() ?? []).map((pair) => {
    const id = pair.key.name();
    names.declare('calendar', id, pair.key);
    return readCalendar(pair.value, id);
  });
  return byId(calendars);
}

/** In an order that the file does not change. */
export function byId<Entry extends { readonly id: string }>(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((left, right) => (left.id < right.id ? -1 : 1));
}

function readCalendar(value: Value, id: string): BusinessCalendar {
  const fields = value.fields(KEYS['calendars.ID']);
  return {
    id,
    time_zone: readTimeZone(fields.get('time_zone')),
    week: readWeek(fields.get('week')),
    holidays: readHolidays(fields.get('holidays')),
  };
}

function readHolidays(value: Value | undefined): readonly string[] {
  if (!value || (value.isList() && value.children().length === 0)) return [];
  const dates = value.names().map(readDate);
  if (dates.length > HOLIDAYS_MAX) value.refuse(`more than ${HOLIDAYS_MAX} holidays`);
  return dates.sort();
}

type Week = Record<Weekday, readonly BusinessHours[]>;

function readWeek(value: Value | undefined): Week {
  const week: Week = { mon: [], tue: [], wed: [], thu: [], fri: [], sat: [], sun: [] };
  const taken = new Set<Weekday>();
  const pairs = value?.pairs() ?? [];
  for (const { key, value: hours } of pairs) {
    const read = readHours(hours);
    for (const day of readDays(key)) {
      if (taken.has(day)) key.refuse(`${day} is listed twice`);
      taken.add(day);
      week[day] = read;
    }
  }
  const isOpen = pairs.some((pair) => pair.value.children().length > 0);
  if (value?.isMapping() && !isOpen) value.refuse('no business hours: a deadline would never be reached');
  return week;
}

/** `mon`, or a range such as `mon-fri`. */
function readDays(key: Value): readonly Weekday[] {
  const text = key.text();
  const [from = '', to = from, ...rest] = text.split('-');
  const [first, last] = [from, to].map((day) => WEEKDAYS.findIndex((known) => known === day));
  if (first === undefined || last === undefined || first < 0 || last < 0 || rest.length > 0) {
    key.refuse(`unknown weekday ${quote(text)}${didYouMean(text, WEEKDAYS)}`);
    return [];
  }
  if (last < first) key.refuse(`${quote(text)} runs backwards: a week begins on mon and ends on sun`);
  return WEEKDAYS.slice(first, last + 1);
}

function readHours(value: Value): readonly BusinessHours[] {
  const read = value.list().flatMap((at) => readInterval(at) ?? []);
  const sorted = read.sort((left, right) => (left.hours.from < right.hours.from ? -1 : 1));
  sorted.forEach(({ at, hours }, index) => {
    const before = sorted[index - 1]?.hours;
    if (before && hours.from < before.to) at.refuse(`overlaps ${before.from}-${before.to}`);
  });
  return sorted.map(({ hours }) => hours);
}

interface ReadHours {
  readonly at: Value;
  readonly hours: BusinessHours;
}

/** `09:00-17:30`. An interval ends on its day, at 24:00 at the latest: one past midnight is written on both days. */
function readInterval(at: Value): ReadHours | undefined {
  const text = at.text();
  if (text === '') return undefined;
  const [from = '', to = '', ...rest] = text.split('-');
  const [fromMs, toMs] = [timeMs(from), timeMs(to)];
  if (fromMs === null || toMs === null || from === '24:00' || rest.length > 0) {
    return at.refuse(`${quote(text)} is not an interval: HH:MM-HH:MM, from 00:00 to 24:00`);
  }
  if (toMs > fromMs) return { at, hours: { from, to } };
  return at.refuse(`${quote(text)} ends before it begins: hours past midnight belong to the next day`);
}
