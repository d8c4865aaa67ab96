import { describe, expect, it } from 'vitest';

import { formatWarning } from '../../policy-files/compile.ts';
import { load, policyOf, problemsOf, VALID, type Files } from './policy-folder.ts';

/** Every kind of name that a condition can read is in this policy. */
const NAMED: Files = {
  'keyturn.yaml': `${VALID['keyturn.yaml']}tables:
  data-sets:
    columns: { owners: selectors }
    rows: { crm: { owners: [group:dba] } }
calendars:
  office: { time_zone: Europe/Berlin, week: { mon: ['09:00-17:00'] } }
`,
  'actions/sql.yaml': `${VALID['actions/sql.yaml']}    receiver: { type: string }
    of: { type: string }
    set: { type: string }
  required: [receiver, of, set]
facts:
  receiver: { resolver: identity, of: args.receiver }
  base: { resolver: target, of: args.of }
  set: { resolver: table, table: data-sets, of: args.set }
`,
  'targets/shop.yaml': `${VALID['targets/shop.yaml']}tags: [pci]\ndata_class: pii\n`,
};

function rule(when: string): Files {
  return {
    ...NAMED,
    'rules/z.yaml': `- { id: z, on: { action: [postgres.execute] }, effect: forbid, when: '${when}' }\n`,
  };
}

async function warningsOf(changes: Files): Promise<readonly string[]> {
  const result = await load(changes);
  if (!result.ok) return ['does not load'];
  return result.warnings.filter(({ code }) => code !== 'people_short').map(formatWarning);
}

/** A condition with `§` for the name, a name that exists, and what a name one letter off is called. */
const CLOSED: readonly (readonly [condition: string, name: string, problem: string])[] = [
  ['"§" in request.groups', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['!("§" in request.groups)', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['request.groups.exists(g, g == "§")', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['!request.groups.all(g, g != "§")', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['request.groups.exists(g, g in ["§"])', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['["§"].exists(g, g in request.groups)', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['request.groups.filter(g, g == "§").size() > 0', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['request.groups[0] == "§"', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  ['request.groups.exists(g, g.startsWith("§"))', 'dba', "no group with 'dbq' at its beginning"],
  ['request.agent == "§"', 'billing', "unknown agent 'billinq', did you mean 'billing'?"],
  ['"§" != request.agent', 'billing', "unknown agent 'billinq', did you mean 'billing'?"],
  ['request.agent in ["§"]', 'billing', "unknown agent 'billinq', did you mean 'billing'?"],
  [
    'request.agent in (request.break_glass ? ["§"] : ["billing"])',
    'billing',
    "unknown agent 'billinq', did you mean 'billing'?",
  ],
  ['resource.id == "§"', 'shop', "unknown target 'shoq', did you mean 'shop'?"],
  ['resource.id.endsWith("§")', 'shop', "no target with 'shoq' at its end"],
  ['resource.env != "§"', 'prod', "'proq' is not one of staging, prod, did you mean 'prod'?"],
  [
    'resource.type == "§"',
    'postgres.database',
    "unknown resource type 'postgres.databasq', did you mean 'postgres.database'?",
  ],
  ['resource.id.contains("§")', 'ho', "no target with 'hq' in it"],
  ['glob(resource.id, "s*§")', 'op', "no target that fits 's*oq'"],
  ['re2(request.agent, "^§$")', 'b.*', "no agent that fits '^b.q$'"],
  ['resource.env.startsWith("§")', 'pro', "no value with 'prq' at its beginning"],
  ['string(request.agent) == "§"', 'billing', "unknown agent 'billinq', did you mean 'billing'?"],
  [
    '"agent:" + request.agent == "agent:§"',
    'billing',
    "unknown agent 'agent:billinq', did you mean 'agent:billing'?",
  ],
  ['"§" in resource.owners', 'group:dba', "unknown owner of a target 'group:dbq', did you mean 'group:dba'?"],
  ['"§" in resource.tags', 'pci', "unknown tag of a target 'pcq', did you mean 'pci'?"],
  ['data.class == "§"', 'pii', "unknown class of data 'piq', did you mean 'pii'?"],
  ['risk.tier == "§"', 'high', "'higq' is not one of low, medium, high, critical, did you mean 'high'?"],
  ['request.mode == "§"', 'gate', "'gatq' is not one of execute, lease, gate, did you mean 'gate'?"],
  ['calendars.§.holiday', 'office', "unknown field 'officq', did you mean 'office'?"],
  ['facts.receiver.known && "§" in facts.receiver.groups', 'dba', "unknown group 'dbq', did you mean 'dba'?"],
  [
    'facts.receiver.known && facts.receiver.kind == "§"',
    'agent',
    "'agenq' is not one of person, agent, did you mean 'agent'?",
  ],
  ['facts.base.known && facts.base.class == "§"', 'pii', "unknown class of data 'piq', did you mean 'pii'?"],
  [
    'facts.set.known && "§" in facts.set.owners',
    'group:dba',
    "unknown owners of the table 'group:dbq', did you mean 'group:dba'?",
  ],
];

it('owners of Keyturn itself are its operators, and conditions may name them', async () => {
  const settings = `${VALID['keyturn.yaml']}operators: [group:everyone]\n`;
  const text = `- { id: z, on: { action: [keyturn.policy.publish] }, effect: forbid, when: '"group:everyone" in resource.owners' }\n`;
  expect(await problemsOf({ 'keyturn.yaml': settings, 'rules/z.yaml': text })).toEqual([]);
});

const misspelt = (name: string): string => `${name.slice(0, -1)}q`;

describe('a name that the policy knows all of', () => {
  it.each(CLOSED)('is refused misspelt in %s, with the one that was meant', async (text, name, problem) => {
    expect(await problemsOf(rule(text.replace('§', name)))).toEqual([]);
    const [found = '', ...more] = await problemsOf(rule(text.replace('§', misspelt(name))));
    expect([found.replace(/^\S+ when: /, ''), more]).toEqual([problem, []]);
  });

  it('is refused misspelt in a condition on reviewers, of a rule and of the default', async () => {
    const when = `reviewer: { when: '!("dbq" in reviewer.groups)' }`;
    const inRule: Files = { 'rules/sql.yaml': `${VALID['rules/sql.yaml']}      ${when}\n` };
    const inDefault: Files = { 'keyturn.yaml': `${VALID['keyturn.yaml']}    ${when}\n` };
    expect(await problemsOf(inRule)).toEqual([
      "rules/sql.yaml:7:28 when: unknown group 'dbq', did you mean 'dba'?",
    ]);
    expect(await problemsOf(inDefault)).toEqual([
      "keyturn.yaml:9:26 when: unknown group 'dbq', did you mean 'dba'?",
    ]);
  });

  it('is refused misspelt in a line of risk', async () => {
    const line = `risk: { lines: [{ weight: 1, because: x, when: '"dbq" in request.groups' }] }`;
    expect(await problemsOf({ 'keyturn.yaml': `${VALID['keyturn.yaml']}${line}\n` })).toEqual([
      expect.stringContaining("when: unknown group 'dbq', did you mean 'dba'?"),
    ]);
  });

  it('may be empty where nobody is meant', async () => {
    const text = 'request.agent == "" && request.owner == "" && request.on_behalf_of == ""';
    expect(await warningsOf(rule(text))).toEqual([]);
  });

  it('is not refused while what would declare it cannot be read', async () => {
    const found = await problemsOf({ ...rule('"dba" in request.groups'), 'directory.yaml': 'people: [' });
    expect(found.filter((problem) => problem.includes('unknown group'))).toEqual([]);
  });
});

const OPEN: readonly (readonly [condition: string, name: string, warning: string])[] = [
  ['request.owner == "§"', 'olga', "unknown person 'olgq', did you mean 'olga'?"],
  ['"§" in request.chain', 'olga', "unknown person 'olgq', did you mean 'olga'?"],
  ['request.on_behalf_of in ["§"]', 'olga', "unknown person 'olgq', did you mean 'olga'?"],
  ['request.declared_on_behalf_of == "§"', 'olga', "unknown person 'olgq', did you mean 'olga'?"],
  ['args.receiver == "§"', 'olga', "unknown person or agent 'olgq', did you mean 'olga'?"],
  ['args.of != "§"', 'shop', "unknown target 'shoq', did you mean 'shop'?"],
  ['args.set == "§"', 'crm', "unknown row of the table 'crq', did you mean 'crm'?"],
];

describe('a name of which others may bring more', () => {
  it.each(OPEN)('loads misspelt in %s, with a warning', async (text, name, warning) => {
    expect(await warningsOf(rule(text.replace('§', name)))).toEqual([]);
    expect(await warningsOf(rule(text.replace('§', misspelt(name))))).toEqual([
      `rules/z.yaml:1:70 warning name_unknown: ${warning}`,
    ]);
  });

  it('is warned of in a condition on reviewers, at its place', async () => {
    const when = `reviewer: { when: 'reviewer.id != "olgq"' }`;
    expect(await warningsOf({ 'rules/sql.yaml': `${VALID['rules/sql.yaml']}      ${when}\n` })).toEqual([
      "rules/sql.yaml:7:25 warning name_unknown: unknown person 'olgq', did you mean 'olga'?",
    ]);
  });
});

it('names bind no facts: a request may know groups that a policy of today does not', async () => {
  const policy = await policyOf(rule('"dba" in request.groups'));
  expect(JSON.stringify(policy)).not.toContain('"names":{');
});

describe('a name without quotes', () => {
  const AGENTS = VALID['directory.yaml'].replaceAll('id: billing', 'id: billing-agent-2');

  it.each([
    ['dba in request.groups', 'dba', 'group'],
    ['request.groups.exists(g, g == dba)', 'dba', 'group'],
    ['resource.env == prod', 'prod', 'text'],
    ['request.agent == billing-agent-2', 'billing-agent-2', 'person or agent'],
  ])('is recognized in %s', async (condition, name, what) => {
    const problems = await problemsOf({ ...rule(condition), 'directory.yaml': AGENTS });
    const hint = `; the ${what} of that name is written in quotes: "${name}"`;
    expect(problems.map((one) => one.replace(/^\S+ when: /, ''))).toEqual([
      `unknown variable '${name}'${hint}`,
    ]);
  });

  it('is no name where a minus was meant', async () => {
    const [first] = await problemsOf({ ...rule('billing - agent - 2 > 1'), 'directory.yaml': AGENTS });
    expect(first).toMatch(/ when: unknown variable 'billing'$/);
  });
});
