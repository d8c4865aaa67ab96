import { counted } from '../../cards/counted.ts';
import type { Leaf } from '../leaf.ts';
import type { Directory } from '../../identity/directory.ts';
import type { SignedWithdrawal } from '../../crypto/envelope.ts';
import { standsBehind } from '../../identity/own-request.ts';
import { isReviewAction } from '../../policy/policy.ts';
import { askersOf } from '../../execution/requester.ts';
import { isUndecided, phaseBefore } from './course.ts';
import { payloadsOf, receivedRequestOf } from './envelopes.ts';
import { directoryOf } from './evaluation.ts';
import { nameOf } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

/** What the API refused by itself was never signed: such an entry names no withdrawal. */
function isOfWithdrawal({ type, facts }: Leaf): boolean {
  return (
    type === 'request.withdrawn' ||
    (type === 'request.withdrawal_refused' && facts['withdrawal'] !== undefined)
  );
}

/**
 * Each withdrawal on record is one that was signed, and what ended the request was signed for somebody behind it. None of
 * theirs was refused in time.
 */
export function withdrawalsSigned(subject: Subject): Finding {
  const entries = subject.material.stream.filter(isOfWithdrawal);
  const notShown = entries.flatMap((leaf) => {
    const signed = signedWithdrawalOf(subject, leaf);
    if (!signed) return [`${nameOf(leaf)}: the signed withdrawal is not in the evidence`];
    if (leaf.type !== 'request.withdrawn' || isBehind(subject, signed)) return [];
    return [`${nameOf(leaf)}: the evidence does not show that its account is behind the request`];
  });
  const problems = entries
    .filter((leaf) => isWronglyRefused(subject, leaf))
    .map((leaf) => `${nameOf(leaf)} refuses what withdraws the request`);
  return { problems, notShown, checked: counted(entries.length, 'withdrawal') };
}

/** Reviews of emergencies are withdrawn by nobody. */
function isWronglyRefused(subject: Subject, leaf: Leaf): boolean {
  const signed = signedWithdrawalOf(subject, leaf);
  if (leaf.type !== 'request.withdrawal_refused' || !signed) return false;
  const request = receivedRequestOf(subject);
  return (
    request !== undefined &&
    !isReviewAction(request.action) &&
    isUndecided(phaseBefore(subject.material, leaf)) &&
    isBehind(subject, signed)
  );
}

function signedWithdrawalOf({ envelopes }: Subject, leaf: Leaf): SignedWithdrawal | undefined {
  return payloadsOf(envelopes, leaf)
    .filter((payload) => payload.kind === 'withdrawal')
    .find(({ id }) => id === leaf.facts['withdrawal']);
}

const NOBODY: Directory = { people: [], agents: [], groups: [] };

function isBehind(subject: Subject, { by }: SignedWithdrawal): boolean {
  const signed = receivedRequestOf(subject);
  const part = subject.material.evidence.inputs?.directory_at_creation;
  const directory = part ? directoryOf(part) : NOBODY;
  return signed !== undefined && standsBehind(askersOf(signed), { account: by, person: null }, [directory]);
}
