import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import type { ResourceEffect, RowEffect } from '../../../domain/request/plan.ts';
import type { LookupTable } from '../../../domain/policy/fact-declarations.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import { ownRequirement, ownRules } from '../../../domain/policy/reviewer-condition.ts';
import type { RiskLine } from '../../../domain/policy/risk.ts';

/** Of more changed entries of one kind a sample is shown, which says so: the whole set can be read at the API. */
const ROWS_MAX = 200;

type Entry = Readonly<Record<string, JsonValue>>;

/** What of a policy changes, kind by kind, as a reviewer reads it: each entry with the fields that differ. */
export function effectsOf(base: PolicySet, candidate: PolicySet): readonly ResourceEffect[] {
  const [old, fresh] = [kindsOf(base), kindsOf(candidate)];
  return [...fresh.keys()].flatMap((kind) => {
    const rows = rowsOf(old.get(kind) ?? new Map(), fresh.get(kind) ?? new Map());
    return rows.length === 0 ? [] : [effectOf(kind, rows)];
  });
}

function effectOf(resource: string, rows: readonly RowEffect[]): ResourceEffect {
  const sample = { of: rows.length, first_key: rows[0]?.key ?? '', last_key: rows.at(-1)?.key ?? '' };
  return {
    resource,
    inserted: rows.filter(({ before }) => before === null).length,
    updated: rows.filter(({ before, after }) => before !== null && after !== null).length,
    deleted: rows.filter(({ after }) => after === null).length,
    rows: rows.slice(0, ROWS_MAX),
    ...(rows.length > ROWS_MAX ? { sample } : {}),
    assigned_columns: [],
    is_counts_only: false,
  };
}

/** Every entry of a policy by kind and name. */
function kindsOf(policy: PolicySet): ReadonlyMap<string, ReadonlyMap<string, Entry>> {
  const {
    rules: _combined,
    actions,
    targets,
    windows,
    calendars,
    freezes,
    rotations,
    directory,
    ...others
  } = policy;
  const { polled_rotations: polled = [], tables = [], risk, ...settings } = others;
  const { lines, ...ofRisk } = risk;
  const defaults = { ...policy.defaults, require: ownRequirement(policy.defaults.require, policy.reviewers) };
  const named = (entries: readonly { readonly id: string }[]): ReadonlyMap<string, Entry> =>
    new Map(entries.map((entry) => [entry.id, fieldsOf(entry)]));
  return new Map([
    // Where a rule stands in its file decides nothing.
    ['rules', named(ownRules(policy).map(({ source: _source, ...rule }) => rule))],
    ['actions', named(actions.map((action) => ({ ...action, id: action.action })))],
    ['targets', named(targets)],
    ['windows', named(windows)],
    ['calendars', named(calendars)],
    ['freezes', named(freezes)],
    ['rotations', named([...rotations, ...polled])],
    ['people', named(directory.people)],
    ['agents', named(directory.agents)],
    ['groups', named(directory.groups)],
    ['lookup tables', named(tables.map(({ rows: _rows, ...table }) => table))],
    ['rows of lookup tables', new Map(tables.flatMap(rowsOfTable))],
    ['risk', occurrences(lines)],
    [
      'settings',
      new Map(
        Object.entries({ ...settings, defaults, ...ofRisk }).flatMap(([name, value]) => leaves(name, value)),
      ),
    ],
  ]);
}

function rowsOfTable({ id, rows }: LookupTable): readonly (readonly [string, Entry])[] {
  return Object.entries(rows).map(([key, row]) => [`${id} ${JSON.stringify(key)}`, fieldsOf(row)]);
}

/** By what they are for: where a line stands decides nothing, and two may say the same. */
function occurrences(lines: readonly RiskLine[]): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  for (const line of lines) {
    let key = line.because;
    for (let n = 2; found.has(key); n += 1) key = `${line.because} (${n})`;
    found.set(key, fieldsOf(line));
  }
  return found;
}

/** What has no name of its own, as deep as it goes: each value changes on its own. Names are quoted, so no two are one. */
function leaves(name: string, value: unknown): readonly (readonly [string, Entry])[] {
  const inner = (key: string): string => `${name} ${JSON.stringify(key)}`;
  if (isWords(value)) return value.map((word) => [inner(word), fieldsOf({ value: word })]);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0)
    return [[name, fieldsOf({ value })]];
  return Object.entries(value).flatMap(([key, part]) => leaves(inner(key), part));
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
}

/** Values as text: what a field holds may be of any shape. */
function fieldsOf(entry: object): Entry {
  const fields = Object.entries(entry).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    fields.map(([name, value]) => [name, typeof value === 'string' ? value : canonicalJson(value)]),
  );
}

function rowsOf(old: ReadonlyMap<string, Entry>, fresh: ReadonlyMap<string, Entry>): readonly RowEffect[] {
  const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return names.flatMap((key) => {
    const [before, after] = [old.get(key) ?? null, fresh.get(key) ?? null];
    if (before === null || after === null) return [{ key, before, after }];
    const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
      (field) => before[field] !== after[field],
    );
    return changed.length === 0 ? [] : [{ key, before: only(before, changed), after: only(after, changed) }];
  });
}

function only(entry: Entry, fields: readonly string[]): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([field]) => fields.includes(field)));
}
