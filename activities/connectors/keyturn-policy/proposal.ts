import type { DataSource } from 'typeorm';

import { readActivatedSources, readProposedSources } from '../../../database/policy-proposals.ts';
import type { PolicyReader } from '../../../database/readers.ts';
import { operatorsDropped } from '../../../domain/policy-diff/diff.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import { digestSchema } from '../../../contract/policies.ts';
import type { ConnectorCall, PlanRefusal } from '../connector.ts';
import type { FileChange } from '../../../domain/request/plan.ts';
import type { PolicySources } from '../../../policy-files/folder.ts';
import type { CheckWork, PolicyFindings } from '../../../policy-files/validation.ts';
import { unreadableReferences } from '../references.ts';
import type { PolicyPair } from '../../../policy-files/backtest-work.ts';
import type { Publication } from './plan-publication.ts';

/** More targets than these are not named: the first ones have to be mended anyway. */
const UNREADABLE_MAX = 20;

/** Where proposals and the active policy are, and what checks them. */
export interface ProposalDependencies {
  readonly source: DataSource;
  readonly policies: PolicyReader;
  /** Finds what is wrong with a policy. */
  readonly check: (work: CheckWork) => Promise<PolicyFindings>;
}

/** A policy that may follow on the active one, with what those who decide should know of it. */
export interface CheckedProposal extends PolicyPair {
  readonly kind: 'good';
  readonly sources: PolicySources;
  /** How the files change. */
  readonly files: readonly FileChange[];
  readonly warnings: readonly string[];
}

/** Which policy is to follow on which. The arguments were checked by their schema: anything else is a fault. */
export function publicationOf({ arguments: { candidate, base } }: ConnectorCall): Publication {
  return { candidate: digestSchema.parse(candidate), base: digestSchema.parse(base) };
}

/** Compiles the files of the proposal now, by this version: nothing that was said of them before is believed. */
export async function checkProposal(
  { source, policies, check }: ProposalDependencies,
  { candidate, base }: Publication,
): Promise<CheckedProposal | PlanRefusal> {
  const active = await policies.active(source.manager);
  if (active?.digest !== base)
    return refuse('policy_base_changed', `The active policy is ${active?.digest ?? 'none'}, not ${base}.`);
  if (candidate === base) return refuse('policy_unchanged', 'This policy is the active one.');
  const sources = await readProposedSources(source.manager, candidate);
  if (sources === null) return refuse('policy_unknown', 'Nobody proposed such a policy.');
  const work = { sources, base: { digest: base, sources: await readActivatedSources(source.manager, base) } };
  const { problems, compiled, ...found } = await check(work);
  if (compiled === null) return refuse('policy_invalid', problems.join('\n'));
  // First of all: no finding is shown about files other than those that were proposed.
  if (compiled.digest !== candidate) return refuse('policy_invalid', otherFiles(compiled.digest));
  const mistakes = [...problems, ...mistakesAfter(active.policy, compiled.policy)];
  if (mistakes.length > 0) return refuse('policy_invalid', mistakes.join('\n'));
  return {
    kind: 'good',
    base: active.policy,
    candidate: compiled.policy,
    sources: compiled.sources,
    ...found,
  };
}

function otherFiles(digest: string): string {
  return (
    `The stored files of this policy compile to another one, ${digest}: they were changed in the database, or an ` +
    'earlier version compiled them. Propose the policy again. If that gives the same digest as before, an operator of ' +
    'the database has to delete the old proposal first (docs/operating.md, "Proposed policies").'
  );
}

/** Good on its own is not enough: nobody is left without anybody who could stop things, or publish again. */
function mistakesAfter(base: PolicySet, candidate: PolicySet): readonly string[] {
  const dropped = operatorsDropped(base, candidate);
  return [
    ...unreadableReferences(candidate.targets).slice(0, UNREADABLE_MAX),
    ...(dropped === null ? [] : [dropped]),
  ];
}

function refuse(code: PlanRefusal['code'], detail: string): PlanRefusal {
  return { kind: 'refused', code, detail };
}
