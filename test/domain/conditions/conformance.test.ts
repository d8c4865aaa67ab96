import { getConformanceSuite, type IncrementalTest } from '@bufbuild/cel-spec/testdata/tests.js';
import { expect, it } from 'vitest';

import { isParsed, parseExpression, type EngineValue } from '../../../domain/conditions/engine.ts';
import { ACCEPTED_MISSES } from './accepted-misses.ts';

/** The groups of the specification that conditions rely on. */
const GROUPS = `basic comparisons fields fp_math integer_math lists logic macros parse plumbing string`.split(
  ' ',
);

interface Case {
  readonly name: string;
  readonly test: IncrementalTest['original'];
}

type Json = Readonly<Record<string, unknown>> & {
  readonly kind?: { readonly case?: string; readonly value?: unknown };
};

/** Messages, unsigned numbers, bytes and types are no part of conditions: no fact and no literal can have them. */
const FOREIGN =
  /TestAllTypes|google\.|\bdyn\(|\bbytes\(|\buint\(|\btype\(|\d[uU]\b|\b[rR]?[bB][rR]?["']|\.matches\(/u;

function casesOf(): readonly Case[] {
  return getConformanceSuite()
    .suites.filter((group) => GROUPS.includes(group.name))
    .flatMap((group) =>
      group.suites.flatMap((section) =>
        section.tests.map((test) => ({
          name: `${group.name}/${section.name}/${test.name}`,
          test: test.original,
        })),
      ),
    )
    .filter(
      ({ test }) => !FOREIGN.test(test.expr) && test.container === '' && !test.checkOnly && isPlain(test),
    );
}

function isPlain(test: Case['test']): boolean {
  const values = Object.values(test.bindings).map((binding) =>
    binding.kind.case === 'value' ? binding.kind.value : null,
  );
  if (test.resultMatcher.case === 'value') values.push(test.resultMatcher.value);
  return values.every((value) => value !== null && fromProto(value as unknown as Json) !== undefined);
}

const SCALARS: readonly unknown[] = ['boolValue', 'int64Value', 'doubleValue', 'stringValue'];

/** A value of the specification as the engine has it, or undefined for what conditions never meet. */
function fromProto({ kind }: Json): unknown {
  if (kind?.case === 'nullValue') return null;
  if (kind?.case === 'listValue') return (kind.value as { values: readonly Json[] }).values.map(fromProto);
  if (kind?.case === 'mapValue') {
    const { entries } = kind.value as { entries: readonly { key: Json; value: Json }[] };
    return new Map(entries.map(({ key, value }) => [fromProto(key), fromProto(value)]));
  }
  return SCALARS.includes(kind?.case) ? kind?.value : undefined;
}

/** Maps made by literals are objects in the engine; for comparison all are Maps with keys as text. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = value instanceof Map ? [...value.entries()] : Object.entries(value);
  return new Map(entries.map(([key, item]) => [String(key), comparable(item)]));
}

function isMet({ test }: Case): boolean {
  const parsed = parseExpression(test.expr);
  const wantsError = test.resultMatcher.case === 'evalError' || test.resultMatcher.case === 'anyEvalErrors';
  try {
    if (!isParsed(parsed)) return wantsError;
    const variables = Object.entries(test.bindings).map(([name, binding]): [string, EngineValue] => [
      name,
      fromProto(binding.kind.value as unknown as Json) as EngineValue,
    ]);
    const result = parsed.run(new Map(variables), { left: 0 });
    if (wantsError) return false;
    const wanted =
      test.resultMatcher.case === 'value' ? fromProto(test.resultMatcher.value as unknown as Json) : true;
    expect(comparable(result)).toStrictEqual(comparable(wanted));
    return true;
  } catch {
    return wantsError;
  }
}

it('the engine meets the specification where conditions rely on it, except in what is listed', () => {
  const cases = casesOf();
  expect(cases.length).toBeGreaterThan(400);
  const misses = cases.filter((one) => !isMet(one)).map((one) => one.name);
  expect(misses).toEqual(ACCEPTED_MISSES.map(([name]) => name));
});
