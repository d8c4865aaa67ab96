import { z } from 'zod';

import type { Leaf } from '../leaf.ts';
import { PUBLISH } from '../../policy/policy.ts';
import { nameOf, opensRound, readMaterial, type Evidence, type Material } from './evidence.ts';
import type { Answer, Finding } from './finding.ts';
import type { VerificationOutcome } from './report.ts';

/** The request that an activation names, and what its own verification came to. */
export interface Publication {
  readonly request: string;
  readonly evidence: Evidence;
  readonly outcome: VerificationOutcome;
}

/** One whose evidence could not be read, and why. */
export interface UnreadPublication {
  readonly request: string;
  readonly unread: string;
}

/**
 * Each policy but the first was made active by a request whose own evidence holds: it was signed to publish this policy in
 * place of the one before, approved, and succeeded, once. Or the entry says that people did it by hand (`recovery`).
 */
export function publicationsApproved(
  [, ...leaves]: readonly Leaf[],
  publications: readonly (Publication | UnreadPublication)[],
): Finding {
  const published = leaves.filter(({ facts }) => facts['recovery'] !== true);
  const used = new Set<unknown>();
  const answers = published.map((leaf) => {
    const { request } = leaf.facts;
    const isUsed = used.has(request);
    used.add(request);
    return isUsed ? { problem: `${nameOf(leaf)} uses a request again` } : answerOf(leaf, publications);
  });
  return {
    problems: answers.flatMap(({ problem }) => problem ?? []),
    notShown: answers.flatMap(({ notShown }) => notShown ?? []),
    checked: `${published.length} by approved requests, ${leaves.length - published.length} by hand`,
  };
}

function answerOf(leaf: Leaf, publications: readonly (Publication | UnreadPublication)[]): Answer {
  const name = nameOf(leaf);
  const found = publications.find(({ request }) => request === leaf.facts['request']);
  if (!found) return { notShown: `the evidence of the request behind ${name} is not there` };
  if ('unread' in found) {
    const { request, unread } = found;
    return {
      notShown: `the evidence of ${request}, the request behind ${name}, could not be read: ${unread}`,
    };
  }
  return found.outcome === 'failed'
    ? { problem: `the request behind ${name} does not verify` }
    : answerBy(leaf, found);
}

function answerBy(leaf: Leaf, found: Publication): Answer {
  const name = nameOf(leaf);
  const material = readMaterial(found.evidence);
  const received = material.stream.find(({ type }) => type === 'request.received');
  if (received?.facts['action'] !== PUBLISH.action)
    return { problem: `the request behind ${name} publishes no policy` };
  const args = argumentsOf(material);
  if (!args) return { notShown: `what the request behind ${name} publishes is not in the evidence` };
  if (args.candidate !== leaf.facts['digest'] || args.base !== leaf.facts['replaces'])
    return { problem: `the request behind ${name} publishes another policy` };
  if (!material.stream.some(({ type }) => type === 'execution.succeeded'))
    return { problem: `the request behind ${name} did not succeed` };
  return found.outcome === 'ok' ? {} : { notShown: `not all of the request behind ${name} is shown` };
}

const argumentsSchema = z.object({ candidate: z.string(), base: z.string() });

/** As policy was evaluated with them in the last round: the evidence is checked to have signed arguments. */
function argumentsOf({
  stream,
  evidence: { inputs },
}: Material): z.infer<typeof argumentsSchema> | undefined {
  const opened = stream.findLast(opensRound);
  const facts = inputs?.facts.find(({ digest }) => digest === opened?.facts['facts_digest']);
  return z.object({ args: argumentsSchema }).safeParse(facts?.body).data?.args;
}
