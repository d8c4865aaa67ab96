import { canonicalJson, type JsonValue } from '../../../domain/canonical-json.ts';
import type { ResourceEffect, RowEffect } from '../../../domain/plan.ts';
import type { PolicySet } from '../../../domain/policy.ts';

/** More changed entries of one kind are only counted: the whole set can be read at the API. */
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
  const isCountsOnly = rows.length > ROWS_MAX;
  return {
    resource,
    inserted: rows.filter(({ before }) => before === null).length,
    updated: rows.filter(({ before, after }) => before !== null && after !== null).length,
    deleted: rows.filter(({ after }) => after === null).length,
    rows: isCountsOnly ? [] : rows,
    assigned_columns: [],
    is_counts_only: isCountsOnly,
  };
}

/** Every entry of a policy by kind and name. What has no name of its own is a setting. */
function kindsOf(policy: PolicySet): ReadonlyMap<string, ReadonlyMap<string, Entry>> {
  const { rules, actions, targets, windows, calendars, freezes, rotations, directory, ...others } = policy;
  const { polled_rotations: polled = [], ...settings } = others;
  const named = (entries: readonly { readonly id: string }[]): ReadonlyMap<string, Entry> =>
    new Map(entries.map((entry) => [entry.id, fieldsOf(entry)]));
  return new Map([
    // Where a rule stands in its file decides nothing.
    ['rules', named(rules.map(({ source: _source, ...rule }) => rule))],
    ['actions', named(actions.map((action) => ({ ...action, id: action.action })))],
    ['targets', named(targets)],
    ['windows', named(windows)],
    ['calendars', named(calendars)],
    ['freezes', named(freezes)],
    ['rotations', named([...rotations, ...polled])],
    ['people', named(directory.people)],
    ['agents', named(directory.agents)],
    ['groups', named(directory.groups)],
    ['settings', new Map(Object.entries(settings).map(([name, value]) => [name, fieldsOf({ value })]))],
  ]);
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
