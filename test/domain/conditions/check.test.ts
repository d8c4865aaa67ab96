import { describe, expect, it } from 'vitest';

import { checkExpression } from '../../../domain/conditions/check.ts';
import { EXPRESSION_BYTES_MAX } from '../../../domain/conditions/engine.ts';
import { problems, VARIABLES } from './examples.ts';

it.each([
  'args.role in ["owner", "admin"]',
  'plan.rows > 1000 || resource.classes.exists(c, c == "sox")',
  'resource.env == "prod" && !request.break_glass',
  'has(args.limit) && args.limit > 1',
  '!has(args.limit) || args.limit > 1',
  '!has(args.limit) || args.count > 9 || args.limit > 1',
  'has(args.limit) ? args.limit > 1 : args.count > 1',
  '!(has(args.limit) && args.count > 1) || args.limit > 1',
  'has(args.nested) && has(args.nested.deep) && args.nested.deep == "x"',
  '"dry-run" in args && args["dry-run"]',
  '"team" in args.labels && args.labels["team"] == "data"',
  'has(args.labels.team) && args.labels.team == "data"',
  'args.items.exists(item, has(item.port) && item.port < 1024)',
  'args.items.filter(item, item.name == "web").exists(item, item.name != "x")',
  'args.tags.map(tag, tag + "!").exists(tag, tag == "sox!")',
  'args.numbers.all(number, number % 2 == 1) && size(args.tags) == args.tags.size()',
  'args.ratio * 2.0 > 1 && double(args.count) / 2.0 < args.ratio',
  'string(args.count) == "5" && args.role.startsWith("a") && args.role.contains("b")',
  'has(args.either)',
  're2(args.role, "^(?i)own") && glob(args.role, "o*") && cidr(args.address, "10.0.0.0/8")',
  'args.count > 1 // why',
])('accepts %s', (condition) => {
  expect(problems(condition)).toEqual([]);
});

describe('points at the exact place of', () => {
  it.each([
    ['bad syntax', 'args.role ==', '12-12 Unexpected token: EOF'],
    ['an unknown variable', 'arg.role == "x"', "0-3 unknown variable 'arg', did you mean 'args'?"],
    ['an unknown field', 'plan.rowz > 1', "5-9 unknown field 'rowz', did you mean 'rows'?"],
    ['an unknown field in brackets', 'plan["rowz"] > 1', "5-11 unknown field 'rowz', did you mean 'rows'?"],
    [
      'a field of an element',
      'args.items.all(i, i.nam == "")',
      "20-23 unknown field 'nam', did you mean 'name'?",
    ],
    ['an unknown function', 'sise(args.tags) > 1', "0-15 unknown function 'sise', did you mean 'size'?"],
    ['types that differ', 'args.count > args.role', '0-22 no such operation: int > string'],
    ['an int held against a double', 'args.ratio == 1', '0-15 no such operation: double == int'],
    ['null', 'args.role == null', '13-17 only strings, numbers, true and false can be written'],
    ['a wrong argument', 'args.count.startsWith("a")', '0-10 startsWith() works on string, not on int'],
    ['a result that is no bool', 'args.count + 1', '0-14 must be true or false, not int'],
    ['an operand that is no bool', 'args.count && args.ratio > 1', '0-10 must be true or false, not int'],
    ['a constant condition', '1 == 1 || "a" in ["a"]', '0-22 the condition reads no fact: it never changes'],
    [
      'a value without one type',
      'args.either == "x"',
      "5-11 'either' may be absent: test it first with has(args.either) && …",
    ],
    ['a wrong list', 'args.count in [1, "a"]', '18-21 the elements of a list must be scalars of one type'],
    ['lists compared', 'args.tags == ["a"]', '0-18 no such operation: list of string == list of string'],
    ['an order of strings', 'args.role < "m"', '0-15 no such operation: string < string'],
    ['a map', '{"a": 1}.size() == args.count', '0-8 maps cannot be written here'],
    ['bytes', 'b"a" == b"a" && args.count == 1', '0-4 only strings, numbers, true and false can be written'],
  ])('%s', (_, condition, problem) => {
    expect(problems(condition)).toContain(problem);
  });

  it('every mistake at once, by place', () => {
    expect(problems('arg.role == "x" && plan.rowz > 1 && resource.env == "prodd"')).toEqual([
      "0-3 unknown variable 'arg', did you mean 'args'?",
      "24-28 unknown field 'rowz', did you mean 'rows'?",
      "52-59 'prodd' is not one of prod, staging, dev, did you mean 'prod'?",
    ]);
  });

  it('a mistake behind characters outside the basic plane, in UTF-16 units', () => {
    expect(problems('args.role == "👩‍🚀" && plan.rowz > 1')[0]).toMatch(/^29-33 /u);
  });
});

describe('refuses a string that its enum does not have', () => {
  it.each([
    ['resource.env == "prodd"', '16-23'],
    ['"prodd" == resource.env', '0-7'],
    ['resource.env != "prodd"', '16-23'],
    ['resource.env in ["prod", "prodd"]', '25-32'],
    ['["prod", "prodd"].exists(e, e == resource.env)', '9-16'],
    ['resource.env == (args.count > 1 ? "prod" : "prodd")', '43-50'],
  ])('%s', (condition, location) => {
    expect(problems(condition)).toEqual([
      `${location} 'prodd' is not one of prod, staging, dev, did you mean 'prod'?`,
    ]);
  });

  it.each([
    '"pci" in resource.classes',
    'resource.classes.exists(c, c == "pci")',
    'resource.classes[0] == "pci"',
    'resource.classes.filter(c, c != "pii").exists(c, c == "pci")',
    'resource.classes.map(c, c).exists(c, c in ["pci"])',
  ])('%s', (condition) => {
    expect(problems(condition)[0]).toMatch(/'pci' is not one of pii, sox/u);
  });
});

describe('refuses to read what may be absent without a guard before it', () => {
  it.each([
    'args.limit > 1',
    'args.limit > 1 && has(args.limit)',
    'has(args.limit) || args.limit > 1',
    '!has(args.limit) && args.limit > 1',
    '(has(args.limit) || args.count > 1) && args.limit > 1',
    '(!has(args.limit) && args.count > 1) || args.limit > 1',
    'has(args.limit) ? args.count > 1 : args.limit > 1',
    'has(args.nested) && args.nested.deep == "x"',
    'has(args.nested.deep)',
    'args.labels.team == "data"',
    'args.labels["team"] == "data"',
    'args.items.exists(i, i.port > 1)',
    'args.items.exists(i, has(i.port)) && args.items.exists(i, i.port > 1)',
    'args["dry-run"]',
  ])('%s', (condition) => {
    expect(problems(condition).join()).toContain('may be absent: test it first with');
  });

  it('names the guard that would do', () => {
    expect(problems('args["dry-run"]')).toEqual([
      `5-14 'dry-run' may be absent: test it first with "dry-run" in args && …`,
    ]);
  });
});

describe('refuses what the profile leaves out', () => {
  it.each([
    ['args.role.matches("(a+)+$")', 'matches() is not allowed: it backtracks; use re2()'],
    ['dyn(args.count) == 1', 'dyn() is not allowed: it switches type checks off'],
    ['int(args.role) == 1', 'int() is not allowed'],
    ['timestamp(args.role).getHours("Europe/Berlin") > 1', 'use calendar facts'],
    ['args.role.getDayOfWeek() == 1', 'use calendar facts'],
    ['duration(args.role) > duration("1h")', 'use calendar facts'],
    ['type(args.role) == string', "unknown function 'type'"],
    ['cel.bind(x, args.count, x > 1)', "unknown function 'bind'"],
    ['args.role.lowerAscii() == "x"', "unknown function 'lowerAscii'"],
    ['args.?role == "x"', 'Expected IDENTIFIER'],
    ['args.tags.exists(t, args.tags.exists(u, u == t))', 'one comprehension inside another'],
    ['args.tags.exists(args, args == "a")', "'args' is a fact: choose another name"],
    ['[].all(e, e > 0) || args.count > 1', 'an empty list has no type'],
    ['args.role.contains(args.address)', 'contains() searches for literals'],
    ['args.ratio / args.ratio > 1.0', 'a double can be divided by a literal other than 0 only'],
    ['args.ratio * 1e300 > 1.0', 'a double is 0 or between'],
    ['args.count > 9007199254740992', 'integers end at 2^53-1'],
    [
      `${Array.from({ length: 10 }, () => 'args.ratio').join(' * ')} > 1.0`,
      'more than 8 products of doubles',
    ],
    [`${Array.from({ length: 10 }, () => 'args.role').join(' + ')} == "x"`, 'more than 8 joins of strings'],
    ['re2(args.role, args.role)', 'the pattern must be a literal string'],
    ['re2(args.role, "a" + "b")', 'the pattern must be a literal string'],
    ['glob(args.role, args.role)', 'the pattern must be a literal string'],
    ['cidr(args.address, args.role)', 'the pattern must be a literal string'],
    ['re2(args.role, "ow(")', 'missing closing )'],
    ['re2(args.role, "(?=a)")', 'invalid'],
    ['re2(args.role, "(a{1,100}){1,10}$")', 'needs 2022 instructions, more than 500'],
    ['glob(args.role, "a/***")', 'more than two * in a row'],
    ['glob(args.role, "[ab]*")', '[ has no meaning in a glob'],
    ['cidr(args.address, "10.0.0.1/8")', 'bits behind the prefix must be zero'],
    ['cidr(args.address, "10.0.0.0/33")', 'the prefix must be a number from 0 to 32'],
  ])('%s', (condition, message) => {
    expect(problems(condition).join('\n')).toContain(message);
  });

  it.each(['type', 'int', 'google', 'cel', 'list'])(
    'a fact called %s, which is a word of the language',
    (name) => {
      expect(checkExpression(`${name} == "a"`, { [name]: { kind: 'string', enum: null } })).toHaveLength(1);
    },
  );

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'])('the name %s', (name) => {
    expect(problems(`${name} == "a"`)).toHaveLength(1);
    expect(problems(`args.${name} == "a"`)).toHaveLength(1);
    expect(problems(`args["${name}"] == "a"`)).toHaveLength(1);
    expect(problems(`${name}(args.role)`).length).toBeGreaterThan(0);
    expect(problems(`args.role.${name}()`)).toHaveLength(1);
  });
});

describe('bounds the condition itself', () => {
  it('by bytes, not characters', () => {
    const short = (text: string): boolean =>
      checkExpression(`args.role == "${text}"`, VARIABLES).length === 0;
    const room = EXPRESSION_BYTES_MAX - 'args.role == ""'.length;
    expect(short('a'.repeat(room))).toBe(true);
    expect(short('a'.repeat(room + 1))).toBe(false);
    expect(short('é'.repeat(room / 2 + 1))).toBe(false);
  });

  it.each([
    ['parentheses', `${'('.repeat(900)}args.count > 1${')'.repeat(900)}`],
    ['negations', `${'!'.repeat(2_000)}request.break_glass`],
    [
      'operators',
      Array.from({ length: 200 }, () => '1==args.count')
        .join('||')
        .slice(0, 2_040),
    ],
    ['lists', `${'['.repeat(1_000)}${']'.repeat(1_000)}`],
    ['contains() in contains()', `args.role${'.contains(args.role'.repeat(22)}${')'.repeat(22)}`],
    ['indexes', `args${'[args'.repeat(300)}${']'.repeat(300)}`],
    ['patterns', Array.from({ length: 20 }, () => 're2(args.role, "[a-z]{1,400}")').join('||')],
    ['a lone surrogate', 'args.role == "\ud800"'],
  ])('%s', (_, condition) => {
    expect(problems(condition).length).toBeGreaterThan(0);
  });
});
