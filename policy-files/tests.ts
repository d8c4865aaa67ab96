import { KEYS } from './keys.ts';
import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { compileArgumentSchema } from '../domain/conditions/argument-schema.ts';
import {
  actionOf,
  isOwnAction,
  OWN_ACTIONS,
  OWN_TARGET,
  PUBLISH,
  targetOf,
  type PolicySet,
} from '../domain/policy/policy.ts';
import type { HistoryFacts, PlanFacts, WindowFacts } from '../domain/policy/built-in-facts.ts';
import { REVIEW_ANSWERS, type PolicyTest, type PolicyTestGiven } from '../policy-authoring/policy-test.ts';
import type { PolicyTestDecision } from '../policy-authoring/policy-test-review.ts';
import { REQUEST_MODES } from '../domain/request/status.ts';
import { parseFile } from './document.ts';
import { readTestFiles } from './folder.ts';
import { Names } from './names.ts';
import { readOnCall } from './polled-rotations.ts';
import { readExpectation } from './test-expectations.ts';
import { readInstant, readMoment } from './test-times.ts';
import { sortProblems, type PolicyProblem } from './problem.ts';
import { checkVersion } from './settings.ts';
import type { Fields, Value } from './value.ts';

/** All tests of a policy folder, or everything that is wrong with them. */
export type PolicyTestsResult =
  | { readonly ok: true; readonly tests: readonly PolicyTest[] }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** Reads `tests/*.yaml` of a policy folder. Never throws for what they hold. A policy without tests is a problem. */
export async function loadPolicyTests(directory: string, policy: PolicySet): Promise<PolicyTestsResult> {
  const result = await loadAnyPolicyTests(directory, policy);
  if (!result.ok || result.tests.length > 0) return result;
  const none = { file: 'tests', line: 1, column: 1, message: 'the policy has no tests' };
  return { ok: false, problems: [none] };
}

/** The same for a policy that may have no tests. */
export async function loadAnyPolicyTests(directory: string, policy: PolicySet): Promise<PolicyTestsResult> {
  const folder = await readTestFiles(directory);
  const problems = [...folder.problems];
  const roots = folder.files.flatMap((file) => parseFile(file, problems) ?? []);
  const context = { policy, names: namesOf(policy) };
  const tests = roots.flatMap(testsOf).map((value) => readTest(value, context));
  return problems.length === 0 ? { ok: true, tests } : { ok: false, problems: sortProblems(problems) };
}

/** Everything that a test may name. */
function namesOf(policy: PolicySet): Names {
  const names = new Names();
  for (const { action } of [...policy.actions, ...OWN_ACTIONS]) names.allow('action', action);
  for (const id of [OWN_TARGET, ...policy.targets.map((target) => target.id)]) names.allow('target', id);
  for (const { id } of policy.rules) names.allow('rule', id);
  for (const { id } of policy.windows) names.allow('window', id);
  for (const { id } of [...policy.rotations, ...(policy.polled_rotations ?? [])]) names.allow('rotation', id);
  for (const { id } of policy.directory.people) names.allow('person', id);
  for (const { id } of policy.directory.groups) names.allow('group', id);
  for (const { id } of policy.directory.agents) names.allow('agent', id);
  return names;
}

interface TestContext {
  readonly policy: PolicySet;
  readonly names: Names;
}

function testsOf(root: Value): readonly Value[] {
  const fields = root.fields(KEYS['tests/*.yaml']);
  checkVersion(fields.get('version'));
  return fields.items('tests');
}

function readTest(value: Value, context: TestContext): PolicyTest {
  const fields = value.fields(KEYS['tests']);
  const [may, after] = [fields.get('may'), fields.get('after')];
  const given = readGiven(fields.get('given'), context);
  const expect = readExpectation(fields.get('expect'), context.names);
  if (after && !may && expect.status === undefined)
    after.refuse('after is the time at which may or status is checked: neither is there');
  if (value.isMapping() && !fields.get('expect') && !may)
    value.refuse("expects nothing: missing 'expect' or 'may'");
  return {
    name: readName(fields, context.names),
    source: value.location(),
    given,
    expect,
    may: readMay(may, context.names),
    after_ms: readMoment(after, given.at),
  };
}

function readName(fields: Fields, names: Names): string {
  const name = fields.text('name');
  names.declare('test', name, fields.get('name') ?? fields.value);
  return name;
}

/** A Monday at noon. Only what a condition reads of the time makes a test name another one. */
const USUAL_TIME = '2026-01-05T12:00:00.000Z';

const NOTHING: PolicyTestGiven = {
  action: '',
  target: '',
  requester: '',
  on_behalf_of: null,
  declared_on_behalf_of: null,
  arguments: {},
  plan: null,
  mode: 'execute',
  break_glass: false,
  at: USUAL_TIME,
  history: { requests_24h: 0, denials_24h: 0, failures_24h: 0 },
  windows: {},
  decisions: [],
};

function readGiven(value: Value | undefined, { policy, names }: TestContext): PolicyTestGiven {
  if (!value) return NOTHING;
  const fields = value.fields(KEYS['tests.given']);
  const action = named(fields.get('action'), 'action', names);
  const at = readInstant(fields.get('at')) ?? USUAL_TIME;
  const plan = fields.get('plan');
  const isPlanned = actionOf(policy, action)?.connector !== null;
  if (!isPlanned) plan?.refuse('an action without a connector has no plan');
  checkTarget(fields, policy, action);
  return {
    action,
    target: named(fields.get('target'), 'target', names),
    requester: requesterOf(fields.get('requester'), names),
    on_behalf_of: named(fields.get('on_behalf_of'), 'person', names) || null,
    declared_on_behalf_of: named(fields.get('declared_on_behalf_of'), 'person', names) || null,
    arguments: readArguments(fields, policy, action),
    plan: plan ? readPlan(plan, action) : null,
    mode: readMode(fields.get('mode'), isPlanned),
    break_glass: fields.flag('break_glass', false),
    at,
    history: readHistory(fields.get('history')),
    windows: readWindows(fields, { policy, names, action, isKnown: plan !== undefined || !isPlanned }),
    ...readOnCall(fields.get('on_call'), { policy, names }),
    decisions: readDecisions(fields.get('decisions'), names, at),
  };
}

function readMode(value: Value | undefined, isPlanned: boolean): PolicyTestGiven['mode'] {
  return value?.choice(REQUEST_MODES) ?? (isPlanned ? 'execute' : 'gate');
}

function named(value: Value | undefined, kind: 'action' | 'target' | 'person', names: Names): string {
  return value ? names.read(kind, value) : '';
}

/** An agent or a person; the error suggests agents, which are more common. */
function requesterOf(value: Value | undefined, names: Names): string {
  const name = value?.text() ?? '';
  if (value && !names.all('person').includes(name)) names.require('agent', name, value);
  return name;
}

function checkTarget(fields: Fields, policy: PolicySet, name: string): void {
  const [action, target] = [actionOf(policy, name), targetOf(policy, fields.text('target'))];
  if (isOwnAction(name) && target?.id === OWN_TARGET) return;
  if (action && target && action.resource_type !== target.resource_type)
    fields
      .get('target')
      ?.refuse(`${target.id} is a ${target.resource_type}: ${name} acts on ${action.resource_type}`);
}

/** Checked against the schema that the API uses. */
function readArguments(fields: Fields, policy: PolicySet, name: string): PolicyTestGiven['arguments'] {
  const value = fields.get('arguments');
  const given = value ? objectOf(value) : {};
  const action = actionOf(policy, name);
  // What arguments of actions on Keyturn itself name does not exist in a test, and no condition reads it.
  if (!action || (isOwnAction(name) && !value)) return given;
  const [problem] = compileArgumentSchema(action.arguments).problemsOf(given);
  if (problem) (value ?? fields.value).refuse(`arguments${problem.path} ${problem.message}`);
  return given;
}

function objectOf(value: Value): Readonly<Record<string, JsonValue>> {
  if (value.isMapping()) return value.object();
  value.pairs();
  return {};
}

const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER };

function readPlan(value: Value, action: string): PlanFacts {
  const fields = value.fields({
    ...KEYS['tests.given.plan'],
    ...(action === PUBLISH.action
      ? {}
      : { is_loosening: { refused: `only a plan of ${PUBLISH.action} says so` } }),
  });
  const names = fields.get('names') ? fields.list('names').map((name) => name.text()) : [];
  return {
    rows_changed: fields.get('rows')?.integer(COUNT) ?? 0,
    resources_changed: fields.get('resources')?.integer(COUNT) ?? names.length,
    is_destructive: fields.flag('destructive', false),
    is_reversible: fields.flag('reversible', true),
    is_fully_previewed: fields.flag('previewed', true),
    names,
    ...(fields.get('is_loosening') ? { is_loosening: fields.flag('is_loosening', true) } : {}),
  };
}

function readHistory(value: Value | undefined): HistoryFacts {
  const fields = value?.fields(KEYS['tests.given.history']);
  const count = (key: keyof HistoryFacts): number => fields?.get(key)?.integer(COUNT) ?? 0;
  return {
    requests_24h: count('requests_24h'),
    denials_24h: count('denials_24h'),
    failures_24h: count('failures_24h'),
  };
}

interface WindowsContext {
  readonly policy: PolicySet;
  readonly names: Names;
  readonly action: string;
  /** Windows are read once the request is planned. */
  readonly isKnown: boolean;
}

function readWindows(fields: Fields, context: WindowsContext): Readonly<Record<string, WindowFacts>> {
  const value = fields.get('windows');
  if (!value) return {};
  if (!context.isKnown) value.refuse('windows are counted once the request is planned: give a plan as well');
  return Object.fromEntries(
    value.pairs().map(({ name, key, value: held }) => [name, readWindow(key, held, context)]),
  );
}

function readWindow(key: Value, value: Value, { policy, names, action }: WindowsContext): WindowFacts {
  const name = key.text();
  names.require('window', name, key);
  const window = policy.windows.find(({ id }) => id === name);
  if (window && !window.action.includes(action)) key.refuse(`${name} does not count ${action}`);
  const fields = value.fields(KEYS['tests.given.windows.ID']);
  return { count: fields.get('count')?.integer(COUNT) ?? 1, sum: fields.get('sum')?.integer(COUNT) ?? 0 };
}

function readMay(value: Value | undefined, names: Names): PolicyTest['may'] {
  const pairs = value?.pairs() ?? [];
  if (value?.isMapping() && pairs.length === 0) value.refuse('names nobody');
  return Object.fromEntries(
    pairs.map(({ name, key, value: answer }) => {
      names.require('person', name, key);
      return [name, answer.choice(REVIEW_ANSWERS) ?? 'yes'] as const;
    }),
  );
}

/** Reads what was decided before, in a test. In chronological order. */
function readDecisions(value: Value | undefined, names: Names, since: string): readonly PolicyTestDecision[] {
  const items = value?.items() ?? [];
  const decisions = items.map((item) => readDecision(item, names, since));
  for (const [index, item] of items.entries()) {
    const [before, decision] = [decisions[index - 1], decisions[index]];
    if (before && decision && decision.at_ms < before.at_ms)
      item.refuse('decided before the decision above it: list them in chronological order');
  }
  return decisions;
}

function readDecision(value: Value, names: Names, since: string): PolicyTestDecision {
  const fields = value.fields(KEYS['tests.given.decisions']);
  const by = fields.get('by');
  return {
    by: by ? names.read('person', by) : '',
    verdict: fields.get('verdict')?.choice(['approve', 'deny'] as const) ?? 'approve',
    at_ms: readMoment(fields.get('at'), since),
  };
}
