import { describe, expect, it } from 'vitest';

import { explain } from '../../apps/api/submission/explain.ts';
import { textOf } from '../../apps/api/requests/timeline.ts';
import { requestLines, statusText } from '../../apps/cli/text/request.ts';
import { gateConnector } from '../../activities/connectors/gate-connector.ts';
import { untoned } from '../../apps/cli/text/tone.ts';
import { LEAF_TYPES } from '../../domain/audit/leaf.ts';
import { REQUEST_STATUSES } from '../../domain/request/status.ts';
import type { RequestView } from '../../contract/requests.ts';
import { ACTION, TARGET } from '../domain/examples.ts';
import { requestView } from '../sdk/view.ts';

/** Of an action that others execute Keyturn tries nothing out, runs nothing, and knows no outcome. */
const FALSEHOODS =
  /dry run|runs at most once|[Tt]he action (was|is) (performed|done|executed)|found out by Keyturn|the target confirmed|changed nothing|Can(not)? be undone|target_unreachable/i;

const GIVEN = { version: '1.2.3', note: 'words of the agent' };

async function gateView(change: Partial<RequestView> = {}): Promise<RequestView> {
  const call = {
    requestId: 'r',
    action: 'deploy.release',
    requester: 'a',
    root: 'r',
    target: TARGET,
    arguments: GIVEN,
  };
  const planned = await gateConnector.plan(call);
  if (planned.kind !== 'planned') expect.unreachable();
  const result = {
    decision: 'approved',
    performed_by_keyturn: false,
    valid_until: '2026-01-05T11:00:00.000Z',
  };
  return requestView({
    mode: 'gate',
    action: call.action,
    arguments: GIVEN,
    plan: planned.plan as NonNullable<RequestView['plan']>,
    result,
    ...change,
  });
}

describe('where somebody else executes the action, nothing says that Keyturn did', () => {
  it.each(LEAF_TYPES)('on the timeline: %s', (type) => {
    expect(textOf(type, 'gate')).not.toMatch(FALSEHOODS);
  });

  it.each(REQUEST_STATUSES)('on the page of a request that is %s', async (status) => {
    const lines = requestLines(await gateView({ status }), Date.now());
    expect(lines.join('\n')).not.toMatch(FALSEHOODS);
  });

  it('as its status: succeeded is called a decision', async () => {
    expect(untoned(statusText(await gateView({ status: 'succeeded' })))).toBe(
      'succeeded (the decision was handed out; Keyturn does not execute the action)',
    );
    expect(untoned(statusText(requestView({ status: 'succeeded' })))).toBe('succeeded');
  });

  it('of its arguments: they stand under the words of the requester', async () => {
    const text = requestLines(await gateView(), Date.now()).join('\n');
    const heading = text.indexOf("in the requester's words");
    expect(heading).toBeGreaterThan(-1);
    expect(text.indexOf('words of the agent')).toBeGreaterThan(heading);
  });

  it('in the Temporal UI: it says that Keyturn decides only', () => {
    const signed = {
      kind: 'request',
      id: 'req_aaaaaaaaaaaaaaaaaaaaaaaaaa',
      action: 'deploy.release',
      schema_version: 1,
      target: 'web',
      mode: 'gate',
      arguments: 'sealed',
      claims: null,
      lineage: [{ role: 'requester', issuer: 'i', subject: 's' }],
      intent_digest: 'sha256:0',
      policy_digest: 'sha256:0',
      issued_at: '2026-11-29T12:00:00.000Z',
    } as const;
    const facts = { action: ACTION, target: TARGET, caller: { agent: null, person: null }, publicUrl: '' };
    const shown = explain({ ...facts, signed } as unknown as Parameters<typeof explain>[0]);
    expect(shown.summary).toMatch(/, for a decision only$/);
    expect(shown.details).toContain('Keyturn decides, and executes nothing');
    const other = { ...signed, mode: 'execute' };
    expect(
      explain({ ...facts, signed: other } as unknown as Parameters<typeof explain>[0]).details,
    ).not.toContain('gate');
  });
});
