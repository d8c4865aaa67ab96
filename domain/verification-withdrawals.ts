import type { Leaf } from './audit.ts';
import type { Directory } from './directory.ts';
import type { SignedWithdrawal } from './envelope.ts';
import { standsBehind } from './own-request.ts';
import { askersOf } from './requester.ts';
import { refersTo, signedRequestOf } from './verification-envelopes.ts';
import { directoryOf } from './verification-evaluation.ts';
import { nameOf } from './verification-evidence.ts';
import type { Finding, Subject } from './verification-finding.ts';

/** What the API refused by itself was never signed: such an entry names no withdrawal. */
function isOfWithdrawal({ type, facts }: Leaf): boolean {
  return (
    type === 'request.withdrawn' ||
    (type === 'request.withdrawal_refused' && facts['withdrawal'] !== undefined)
  );
}

/** Each withdrawal on record is one that was signed, and what ended the request was signed for somebody behind it. */
export function withdrawalsSigned(subject: Subject): Finding {
  const entries = subject.material.stream.filter(isOfWithdrawal);
  const notShown = entries.flatMap((leaf) => {
    const signed = signedWithdrawalOf(subject, leaf);
    if (!signed) return [`${nameOf(leaf)}: the signed withdrawal is not in the evidence`];
    if (leaf.type !== 'request.withdrawn' || isBehind(subject, signed)) return [];
    return [`${nameOf(leaf)}: the evidence does not show that its account is behind the request`];
  });
  return { problems: [], notShown, checked: `${entries.length} withdrawals` };
}

function signedWithdrawalOf({ envelopes }: Subject, leaf: Leaf): SignedWithdrawal | undefined {
  return envelopes
    .filter(({ reference }) => refersTo(leaf, reference))
    .map(({ payload }) => payload)
    .filter((payload) => payload?.kind === 'withdrawal')
    .find(({ id }) => id === leaf.facts['withdrawal']);
}

const NOBODY: Directory = { people: [], agents: [], groups: [] };

function isBehind({ material, envelopes }: Subject, { by }: SignedWithdrawal): boolean {
  const received = material.stream.find(({ type }) => type === 'request.received');
  const signed = received && signedRequestOf(envelopes, received);
  const part = material.evidence.inputs?.directory_at_creation;
  const directory = part ? directoryOf(part) : NOBODY;
  return signed !== undefined && standsBehind(askersOf(signed), { account: by, person: null }, [directory]);
}
