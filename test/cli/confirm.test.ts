import { afterEach, describe, expect, it } from 'vitest';

import { CARD_SECTIONS, makeCard } from '../../domain/cards/card.ts';
import { digestOf } from '../../domain/crypto/digest.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { RequestView } from '../../contract/requests.ts';
import { startServer, type AnsweringServer } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn, type CommandResult } from './terminal.ts';

let server: AnsweringServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** Approves a request on a terminal where the person gives these answers, one after the other. */
async function approve(
  view: RequestView,
  answers: readonly string[],
  ...args: string[]
): Promise<CommandResult> {
  server = await startServer(({ method }) => {
    const decision = { id: 'dec_1', verdict: 'approve', outcome: 'counted' };
    return { status: 200, body: method === 'GET' ? view : { decision, request: view } };
  });
  return keyturn(['approve', view.id, '--api', server.url, ...args], { answers });
}

function sent(): unknown[] {
  return (server?.received ?? [])
    .filter(({ method }) => method === 'POST')
    .map(({ body }) => JSON.parse(body));
}

function withReason(view: RequestView): RequestView {
  const { requirement } = view;
  const rules = (requirement?.rules ?? []).map((rule) => ({ ...rule, is_reason_required: true }));
  return { ...view, requirement: requirement && { ...requirement, rules } };
}

function withRows(count: number): RequestView {
  const view = requestView();
  const { plan } = view;
  const [effect] = plan?.effects ?? [];
  if (!plan || !effect) throw new Error('the view has no effect');
  const rows = Array.from({ length: count }, (_, index) => ({
    key: `id=${index}`,
    before: { note: 'old' },
    after: { note: 'new' },
  }));
  return { ...view, plan: { ...plan, effects: [{ ...effect, rows }] } };
}

/** Approves a request of a server that has its card. */
async function approveOnCard(
  answers: readonly string[],
  view = requestView(),
  extra = {},
): Promise<CommandResult> {
  const { plan, requirement, ...known } = view;
  const card = JSON.parse(
    JSON.stringify(
      makeCard({
        ...known,
        requirement: requirement as Requirement | null,
        plan: plan ? ({ ...plan, salt: 'ab', target_digest: '' } as StoredPlan) : null,
        rules: [{ ...RULE, because: 'production data' }],
        lineage: view.lineage.map((member) => ({ ...member, name: 'Named by the card' })),
      }),
    ),
  ) as object;
  const shown = { ...card, ...extra };
  const refusals = { approve: null, deny: null, defer: null, withdraw: null, ask: null, answer: null };
  const answer = { card: shown, view_digest: digestOf(shown), refusals, needed_grade: null };
  server = await startServer(({ method, path }) => {
    const decision = { id: 'dec_1', verdict: 'approve', outcome: 'counted' };
    if (method === 'GET') return { status: 200, body: path.endsWith('/card') ? answer : view };
    return { status: 200, body: { decision, request: view } };
  });
  shownDigest = answer.view_digest;
  return keyturn(['approve', view.id, '--api', server.url], { answers });
}

const RULE = {
  id: 'prod-sql',
  effect: 'review' as const,
  source: 'rules/sql.yaml:12',
  on: { action: ['postgres.execute'], env: ['production'] },
};
let shownDigest = '';

describe('a decision on a terminal', () => {
  it('is on the card that was printed, all of whose parts were', async () => {
    const { out } = await approveOnCard(['y']);
    expect(out).toMatch(/prod-sql +Asks people about postgres.execute in production \(rules\/sql.yaml:12\)/);
    expect(out).toContain('Named by the card');
    expect(sent()).toMatchObject([{ view_digest: shownDigest, opened: [...CARD_SECTIONS] }]);
  });

  it('says which parts of it were printed in full', async () => {
    await approveOnCard(['y'], withRows(99));
    expect(sent()).toMatchObject([{ opened: expect.not.arrayContaining(['effects']) }]);
    await server?.stop();
    await approveOnCard(['f', 'y'], withRows(99));
    expect(sent()).toMatchObject([{ opened: [...CARD_SECTIONS] }]);
  });

  it('says nothing of a card that has more in it than is printed', async () => {
    await approveOnCard(['y'], requestView(), { later: 'x' });
    expect(sent()).toEqual([{ decision_digest: requestView().decision_digest, verdict: 'approve' }]);
  });
});

describe('the question before a decision', () => {
  it('comes after who asks for what, at which risk, and what would change', async () => {
    const view = requestView();
    const lineage = view.lineage.map((member, index) =>
      index === 0 ? { ...member, name: 'Billing agent', kind: 'agent' as const } : member,
    );
    const { prompts, error } = await approve({ ...view, lineage }, ['y']);
    expect(prompts).toEqual(['Approve postgres.execute on shop (production)? [y/N] ']);
    expect(error.trimEnd().split('\n')).toEqual([
      '  requested by  "Billing agent" (agent)',
      '  risk          high',
      '  summary       updates 1 row of public.customer',
      // The answer says that it is still pending.
      `To see who else has to approve: keyturn show ${view.id}`,
    ]);
  });

  it('says how much of a long plan was not shown, and shows all of it on demand', async () => {
    const { prompts, error, out } = await approve(withRows(99), ['f', 'y']);
    expect(prompts).toEqual(Array(2).fill('Approve postgres.execute on shop (production)? [y/N/f] '));
    expect(error).toMatch(/not shown +86 rows of the plan: answer f to see all of it/);
    expect(out.split('~ id=98 ')).toHaveLength(1);
    expect(out.split('~ id=98\n')).toHaveLength(2);
    expect(sent()).toEqual([{ decision_digest: requestView().decision_digest, verdict: 'approve' }]);
  });

  it('fits on a few screens however many rows a plan has', async () => {
    const { out } = await approve(withRows(99), ['n']);
    expect(out.split('\n').length).toBeLessThan(80);
    expect(out).toContain(`… and 86 more rows (keyturn show ${requestView().id} --full)`);
    expect(sent()).toEqual([]);
  });

  it('asks for the reason that policy requires, and sends it', async () => {
    const { prompts } = await approve(withReason(requestView()), ['ticket 4711', 'y']);
    expect(prompts[0]).toBe('Reason (required by policy): ');
    expect(sent()).toEqual([expect.objectContaining({ reason: 'ticket 4711' })]);
  });

  it('decides nothing without that reason, and asks for none that was given', async () => {
    const empty = await approve(withReason(requestView()), [' ', 'y']);
    expect([empty.code, sent()]).toEqual([1, []]);
    await server?.stop();
    const given = await approve(withReason(requestView()), ['y'], '--reason', 'fine');
    expect(given.prompts).toHaveLength(1);
    expect(sent()).toEqual([expect.objectContaining({ reason: 'fine' })]);
  });
});
