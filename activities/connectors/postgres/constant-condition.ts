import { fieldOf, integerOf, kindOf, listOf, namesOf, textOf, unwrap } from './parse-tree.ts';
import type { TreeNode } from './parser-thread.ts';

/** What a condition answers for whatever row: null is SQL's own; undefined where that depends on the row, or is not known. */
type Truth = boolean | null | undefined;

/** Nobody writes deeper conditions by hand, and the stack is not endless. */
const DEPTH_MAX = 100;

/** A condition's answer as far as its text alone says it. Says nothing rather than something wrong. */
export function truthOf(condition: unknown, depth = 0): Truth {
  const kind = kindOf(condition);
  const node = kind === null ? null : unwrap(condition, kind);
  return node === null || depth > DEPTH_MAX ? undefined : READERS.get(kind ?? '')?.(node, depth + 1);
}

const READERS: ReadonlyMap<string, (node: TreeNode, depth: number) => Truth> = new Map([
  ['A_Const', constantTruth],
  ['TypeCast', castTruth],
  ['BoolExpr', combined],
  ['A_Expr', compared],
  ['NullTest', nullTest],
  ['BooleanTest', booleanTest],
]);

function constantTruth(node: TreeNode): Truth {
  if (node['isnull'] === true) return null;
  const value = fieldOf(node, 'boolval');
  // The printed tree leaves false out.
  return value === null ? undefined : value['boolval'] === true;
}

/** `'t'::boolean` and `null::boolean`; the server takes other words, too, and they are not read here. */
function castTruth(node: TreeNode): Truth {
  const constant = unwrap(node['arg'], 'A_Const');
  const type = namesOf(listOf(fieldOf(node, 'typeName') ?? {}, 'names')).join('.');
  if (constant === null || !BOOLEAN.has(type)) return undefined;
  const text = textOf(fieldOf(constant, 'sval') ?? {}, 'sval');
  return text === null ? constantTruth(constant) : WORDS.get(text.toLowerCase());
}

const BOOLEAN: ReadonlySet<string> = new Set(['bool', 'pg_catalog.bool']);
const WORDS: ReadonlyMap<string, boolean> = new Map([
  ...['t', 'true', 'y', 'yes', 'on', '1'].map((word) => [word, true] as const),
  ...['f', 'false', 'n', 'no', 'off', '0'].map((word) => [word, false] as const),
]);

function combined(node: TreeNode, depth: number): Truth {
  const answers = listOf(node, 'args').map((part) => truthOf(part, depth));
  if (node['boolop'] === 'NOT_EXPR') return typeof answers[0] === 'boolean' ? !answers[0] : answers[0];
  // The one that decides alone: true of OR, false of AND.
  const deciding = node['boolop'] === 'OR_EXPR';
  if (answers.includes(deciding)) return deciding;
  if (answers.includes(undefined)) return undefined;
  return answers.includes(null) ? null : !deciding;
}

/** Whole numbers with whole numbers, texts with equal texts: nothing that a type, a collation or a cast could change. */
function compared(node: TreeNode): Truth {
  const operator = node['kind'] === 'AEXPR_OP' ? namesOf(listOf(node, 'name')).join('.') : '';
  const [left, right] = [unwrap(node['lexpr'], 'A_Const'), unwrap(node['rexpr'], 'A_Const')];
  if (left === null || right === null) return undefined;
  const numbers = [integerOf(left), integerOf(right)] as const;
  if (numbers[0] !== null && numbers[1] !== null) return NUMERIC[operator]?.(numbers[0], numbers[1]);
  const texts = [textIn(left), textIn(right)] as const;
  return texts[0] !== null && texts[0] === texts[1] ? EQUAL[operator] : undefined;
}

const NUMERIC: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '=': (left, right) => left === right,
  '<>': (left, right) => left !== right,
  '<': (left, right) => left < right,
  '>': (left, right) => left > right,
  '<=': (left, right) => left <= right,
  '>=': (left, right) => left >= right,
};

const EQUAL: Readonly<Record<string, boolean>> = { '=': true, '<>': false, '<=': true, '>=': true };

function textIn(constant: TreeNode): string | null {
  const value = fieldOf(constant, 'sval');
  return value === null ? null : (textOf(value, 'sval') ?? '');
}

function nullTest(node: TreeNode, depth: number): Truth {
  const truth = truthOf(node['arg'], depth);
  if (truth === undefined) return undefined;
  return (truth === null) === (node['nulltesttype'] === 'IS_NULL');
}

function booleanTest(node: TreeNode, depth: number): Truth {
  const truth = truthOf(node['arg'], depth);
  const [, not, word = ''] = /^IS_(NOT_)?(\w+)$/.exec(String(node['booltesttype'])) ?? [];
  const wanted = TESTS.get(word);
  if (truth === undefined || wanted === undefined) return undefined;
  return (truth === wanted) !== (not !== undefined);
}

const TESTS: ReadonlyMap<string, boolean | null> = new Map([
  ['TRUE', true],
  ['FALSE', false],
  ['UNKNOWN', null],
]);
