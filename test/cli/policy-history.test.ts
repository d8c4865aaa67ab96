import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicySet } from '../../domain/policy/policy.ts';
import { exampleRule } from '../domain/examples.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { withPolicy } from '../workflows/policies.ts';
import { keyturn, type CommandResult } from './terminal.ts';

const SAMPLE = join(import.meta.dirname, '../stack/policies');
const RULES = 'rules/by-environment.yaml';

let stack: Stack;
let agent: string;
let approved: string;
let denied: string;

beforeAll(async () => {
  stack = await startStack();
  agent = await stack.issuer.agentToken('agent-billing');
  const olga = await stack.issuer.humanToken('olga');
  approved = await ask();
  await stack.decide(olga, approved);
  await stack.waitForStatus(approved, 'succeeded');
  denied = await ask();
  await stack.decide(olga, denied, { verdict: 'deny' });
  await stack.waitForStatus(denied, 'denied');
});

afterAll(async () => {
  await stack?.stop();
});

async function ask(further: object = {}): Promise<string> {
  const statement = `update customer set country = 'SE' where id = 1`;
  const body = { action: 'postgres.execute', target: 'shop', arguments: { statement }, ...further };
  const reply = await stack.request<{ id: string }>(agent, body);
  await stack.waitForStatus(reply.body.id, 'pending');
  return reply.body.id;
}

function policy(args: readonly string[], signal?: AbortSignal): Promise<CommandResult> {
  return keyturn(['policy', ...args], { environment: stack.env, ...(signal ? { signal } : {}) });
}

/** The stack's policy with one text of its rules replaced. */
async function candidate(from: string, to: string): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), 'keyturn-candidate-')), 'policies');
  await cp(SAMPLE, folder, { recursive: true });
  const rules = await readFile(join(folder, RULES), 'utf8');
  if (!rules.includes(from)) throw new Error(`no ${from} in ${RULES}`);
  await writeFile(join(folder, RULES), rules.replace(from, to));
  return folder;
}

interface Report {
  readonly evaluations: number;
  readonly loosened: number;
  readonly tightened: number;
  readonly insufficient: number;
  readonly facts_erased: number;
  readonly digest: string;
}

const report = (result: CommandResult): Report => JSON.parse(result.out) as Report;

const TWO = [
  '- { any: [group:dba], quorum: 1, escalate',
  '- { any: [group:dba], quorum: 2, escalate',
] as const;

describe('keyturn policy backtest', () => {
  it('finds nothing between the policy in use and its folder, and the approvals sufficient', async () => {
    const result = await policy(['backtest', SAMPLE, '--json', '--fail-on', 'loosened']);
    expect([result.code, report(result)]).toMatchObject([
      0,
      { evaluations: 2, loosened: 0, tightened: 0, insufficient: 0, facts_missing: 0, facts_erased: 0 },
    ]);
  });

  it('tells what would have been asked in addition, and whose approvals would not have been enough', async () => {
    const result = await policy(['backtest', await candidate(...TWO), '--fail-on', 'loosened']);
    expect(result.code).toBe(0);
    expect(result.out).toMatch(/^none loosened, 2 tightened$/m);
    expect(result.out).toContain(
      `already approved requests whose approvals would no longer suffice: 1\n  ${approved} round 1\n`,
    );
    expect(result.out).toMatch(/^result sha256:[0-9a-f]{64}$/m);
  });

  it('lists what is loosened with the rules of both, and ends with 2', async () => {
    const folder = await candidate(
      'rules:\n',
      'rules:\n  - { id: open, on: { action: [postgres.execute] }, when: plan.rows <= 5, effect: allow }\n',
    );
    const rules = await readFile(join(folder, RULES), 'utf8');
    await writeFile(join(folder, RULES), rules.replace(/ {2}- id: usual[\s\S]*?\n\n/, ''));
    const result = await policy(['backtest', folder, '--fail-on', 'loosened', '--limit', '1']);
    expect(result.code).toBe(2);
    expect(result.out).toMatch(/^2 LOOSENED, 0 tightened$/m);
    expect(result.out).toMatch(/^ {2}LOOSENED req_\S+ round 1, postgres\.execute on shop$/m);
    expect(result.out).toMatch(/rules\/by-environment\.yaml:\d+ usual\n/);
    expect(result.out).toMatch(/rules\/by-environment\.yaml:2 open: plan\.rows = 1\n/);
    expect(result.out).toContain('  … 1 more (--limit)');
  });

  it('gives the same result for the same span, whatever happens after it', async () => {
    const until = new Date().toISOString();
    const folder = await candidate(...TWO);
    const run = async (): Promise<string> =>
      report(await policy(['backtest', folder, '--json', '--until', until])).digest;
    const before = await run();
    const later = await ask();
    await stack.decide(await stack.issuer.humanToken('dmitri'), later);
    await stack.waitForStatus(later, 'succeeded');
    expect(await run()).toBe(before);
    expect(report(await policy(['backtest', folder, '--json'])).digest).not.toBe(before);
  });

  it('follows new evaluations until it is interrupted', async () => {
    const interruption = new AbortController();
    const written: string[] = [];
    const { run } = await import('../../apps/cli/program.ts');
    const following = run(['policy', 'backtest', await candidate(...TWO), '--follow', '--json'], {
      environment: stack.env,
      isInteractive: false,
      isScreen: false,
      interrupted: interruption.signal,
      out: (text) => written.push(text),
      data: (text) => written.push(text),
      error: () => undefined,
      page: async () => undefined,
      progress: () => undefined,
      close: () => undefined,
      ask: async () => '',
    });
    await waitFor({ what: 'the report', check: async () => written[0] });
    const request = await ask();
    const line = await waitFor({ what: 'a difference', check: async () => written[1] });
    expect(JSON.parse(line)).toMatchObject({ request, is_looser: false });
    interruption.abort();
    expect(await following).toBe(0);
  });
});

describe('keyturn policy explain', () => {
  it('proves every evaluation of a request, with its rules and where they stand', async () => {
    const result = await policy(['explain', approved]);
    expect([result.code, result.error]).toEqual([0, '']);
    expect(result.out).toMatch(/^round 1, planned, .*: review, risk \w+$/m);
    expect(result.out).toMatch(/^round 1, execution, .*: review, risk \w+$/m);
    expect(result.out).toMatch(/^ {2}rule {3}rules\/by-environment\.yaml:3 usual$/m);
    expect(result.out.match(/recomputed: agrees/g)?.length).toBe(result.out.match(/^round /gm)?.length);
  });

  it('marks each value that a rule read as if what is only declared were proven, or undeclared', async () => {
    const rule = (id: string, when: string) => exampleRule(id, 'review', { when });
    const rules = [
      rule('dba', '"olga" in request.chain && request.agent != "" && request.declared_on_behalf_of != ""'),
      rule('crowd', 'request.declared_on_behalf_of == "" && request.agent != ""'),
    ];
    const change = (set: PolicySet): PolicySet => ({ ...set, rules: [...set.rules, ...rules] });
    await withPolicy(stack.keyturnDb, change, async () => {
      const proven = await ask();
      const declared = await ask({ on_behalf_of: { subject: 'olga' } });
      const { code, out } = await policy(['explain', declared]);
      expect([code, out]).toEqual([0, expect.stringContaining('recomputed: agrees')]);
      expect(out).toContain(
        'dba: request.chain = ["ada","olga"] (not proven: as if what is only declared were), ' +
          'request.agent = "agent-billing", request.declared_on_behalf_of = "olga"\n',
      );
      expect(out).toContain(
        'crowd: request.declared_on_behalf_of = "" (as if nothing were declared), request.agent = "agent-billing"\n',
      );
      expect((await policy(['explain', proven])).out).toContain(
        'crowd: request.declared_on_behalf_of = "", request.agent = "agent-billing"\n',
      );
    });
  });

  it('says what all reviewers had to meet, and why, and which rules asked for it', async () => {
    const when = '!("shop-owners" in reviewer.groups)';
    const change = (set: PolicySet): PolicySet => ({
      ...set,
      reviewers: { when, because: 'Owners never decide' },
      rules: set.rules.map((rule) =>
        rule.require ? { ...rule, require: { ...rule.require, reviewer_when: when } } : rule,
      ),
    });
    await withPolicy(stack.keyturnDb, change, async () => {
      const { code, out } = await policy(['explain', await ask()]);
      expect([code, out]).toEqual([0, expect.stringContaining('recomputed: agrees')]);
      expect(out).toContain(`  only   if ${when} (usual)\n`);
      expect(out).toContain(`  all    reviewers: Owners never decide (${when})\n`);
    });
  });

  it('names the fields in which a record was altered', async () => {
    await stack.keyturnDb.query(
      `update keyturn.evaluation set outcome = outcome || '{"effect": "allow"}' where request = $1 and phase = 'planned'`,
      [denied],
    );
    const result = await policy(['explain', denied]);
    expect([result.code, result.out]).toEqual([1, expect.stringContaining('recomputed: DIFFERS in effect')]);
  });

  it('holds no difference against a record of another engine, and says which it was', async () => {
    await stack.keyturnDb.query(
      `update keyturn.evaluation set outcome = jsonb_set(outcome, '{engine,engine_version}', '"7.0.0"')
       where request = $1 and phase = 'planned'`,
      [denied],
    );
    const result = await policy(['explain', denied]);
    expect([result.code, result.out]).toEqual([
      1,
      expect.stringContaining('not possible, another engine recorded it; this one differs in effect'),
    ]);
    expect(result.out).toContain('  engine @marcbachmann/cel-js 7.0.0 keyturn 3, not the current one');
  });

  it('uses neither facts nor a policy that are not what their digests name', async () => {
    await stack.keyturnDb.query(
      `update keyturn.fact_set set body = body || '{"action": "postgres.other"}'
       where digest in (select facts_digest from keyturn.evaluation where request = $1)`,
      [denied],
    );
    const result = await policy(['explain', denied]);
    expect([result.code, result.out]).toEqual([
      1,
      expect.stringContaining('recomputed: ALTERED: the facts stored are not what the digest names'),
    ]);
  });

  it('says when who was in which group then is recorded otherwise now', async () => {
    const [{ keyturnDb }, then] = [stack, "timestamptz '2001-01-01'"];
    await keyturnDb.query(
      `insert into keyturn.membership (group_id, person, valid_from) values ('dba', 'petra', ${then})`,
    );
    try {
      const result = await policy(['explain', approved]);
      expect([result.code, result.out]).toEqual([
        1,
        expect.stringContaining('ALTERED: people, agents and groups stored are not what the digest names'),
      ]);
    } finally {
      await keyturnDb.query(`delete from keyturn.membership where valid_from = ${then}`);
    }
    expect((await policy(['explain', approved])).code).toBe(0);
  });

  it('says when facts were erased, in a backtest as well, and guesses nothing', async () => {
    await stack.keyturnDb.query(
      'delete from keyturn.fact_set where digest in (select facts_digest from keyturn.evaluation where request = $1)',
      [denied],
    );
    const result = await policy(['explain', denied, '--json']);
    const evaluations = (JSON.parse(result.out) as { evaluations: { recomputed: unknown }[] }).evaluations;
    expect([result.code, evaluations[0]?.recomputed]).toEqual([1, { kind: 'missing', what: 'facts' }]);
    expect(report(await policy(['backtest', SAMPLE, '--json'])).facts_erased).toBe(1);
  });

  it('knows nothing of a request that it never saw', async () => {
    const result = await policy(['explain', 'rq_none']);
    expect([result.code, result.error]).toEqual([1, expect.stringContaining('(not_found)')]);
  });
});
