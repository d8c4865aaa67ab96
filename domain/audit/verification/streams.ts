import { counted } from '../../cards/counted.ts';
import type { Leaf, LeafType } from '../leaf.ts';
import { nameOf, readLeaf } from './evidence.ts';
import { notInEvidence, type Finding } from './finding.ts';
import { keysFollow } from './keys.ts';
import { chainUnbroken } from './log.ts';
import { linksFollow } from './links.ts';
import { passkeysFollow } from './passkeys.ts';
import { publicationsApproved, type Publication, type UnreadPublication } from './publications.ts';
import { lineOf, reportOf, type Report } from './report.ts';
import { sessionsFollow } from './sessions.ts';
import { switchesFollow } from './switches.ts';
import { misdated } from './times.ts';
import type { GoverningStream, StreamState } from '../../../contract/streams.ts';

/** All entries of a stream that governs everybody, and what the database says beside them. */
export interface StreamEvidence {
  readonly stream: GoverningStream;
  /** The exact texts, oldest first. */
  readonly leaves: readonly string[];
  readonly state: StreamState | null;
  /** Of the stream of policies: the requests that its entries name. */
  readonly publications?: readonly (Publication | UnreadPublication)[];
}

/** What the verification of a stream found. */
export interface StreamReport extends Report {
  readonly stream: GoverningStream;
}

interface Entries {
  readonly evidence: StreamEvidence;
  readonly problems: readonly string[];
  readonly entries: readonly { readonly text: string; readonly leaf: Leaf }[];
  readonly now: string;
}

type Check = (entries: Entries) => Finding;

const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['leaves_canonical', leavesCanonical],
  ['chain_unbroken', chainUnbroken],
  ['times_run_forward', timesRunForward],
  ['state_follows', stateFollows],
];

/** Only policies become active by requests. */
const APPROVED: (typeof CHECKS)[number] = [
  'publications_approved',
  ({ entries, evidence: { publications = [] } }) =>
    publicationsApproved(
      entries.map(({ leaf }) => leaf),
      publications,
    ),
];

/**
 * Checks a whole stream: every entry is of the stream and in canonical form, none was removed or changed, times run
 * forward, and what the database says is what the entries come to. Never throws for what the evidence holds.
 */
export function verifyStream(evidence: StreamEvidence, now: string): StreamReport {
  const problems: string[] = [];
  const entries = evidence.leaves.flatMap((text, index) => {
    const leaf = readLeaf(text, (problem) => problems.push(`entry ${index}: ${problem}`));
    return leaf ? [{ text, leaf }] : [];
  });
  const wanted = evidence.stream === 'policy' ? [...CHECKS, APPROVED] : CHECKS;
  const checks = wanted.map(([name, check]) => lineOf(name, check({ evidence, problems, entries, now })));
  return { stream: evidence.stream, ...reportOf(checks) };
}

const TYPES: Readonly<Record<GoverningStream, readonly LeafType[]>> = {
  policy: ['policy.installed'],
  proposals: ['policy.proposed'],
  switches: ['switch.thrown', 'switch.lift_confirmed', 'switch.lifted'],
  directory: ['directory.changed', 'account.linked', 'account.unlinked'],
  sessions: ['session.started', 'session.ended'],
  keys: ['key.created', 'key.revoked'],
  passkeys: ['passkey.registered', 'passkey.revoked', 'passkey.link_made', 'passkey.recovery_agreed'],
};

function leavesCanonical({ evidence: { stream }, problems, entries }: Entries): Finding {
  const foreign = entries
    .filter(
      ({ leaf }) =>
        leaf.stream.request !== stream || leaf.stream.run !== stream || !TYPES[stream].includes(leaf.type),
    )
    .map(({ leaf }) => `${nameOf(leaf)} does not belong to this stream`);
  return { problems: [...problems, ...foreign], checked: counted(entries.length, 'entry') };
}

function timesRunForward({ entries, now }: Entries): Finding {
  const leaves = entries.map(({ leaf }) => leaf);
  return { problems: misdated(leaves, now), checked: `${counted(leaves.length, 'instant')} in order` };
}

function stateFollows(all: Entries): Finding {
  const leaves = all.entries.map(({ leaf }) => leaf);
  const { stream, state } = all.evidence;
  if (!state) return notInEvidence('the state is not in the evidence');
  return { ...FOLLOWS[stream](leaves, state), checked: 'the database says what the entries come to' };
}

/** Beside the links of accounts its entries count changes and do not hold them. */
function directoryFollows(leaves: readonly Leaf[], state: StreamState): Omit<Finding, 'checked'> {
  return {
    problems: linksFollow(leaves, state),
    notShown: ['what the other entries changed: they count changes and do not hold them'],
  };
}

type Follows = (leaves: readonly Leaf[], state: StreamState) => Omit<Finding, 'checked'>;

const FOLLOWS: Readonly<Record<GoverningStream, Follows>> = {
  policy: policyFollows,
  proposals: (leaves, state) => ({ problems: proposalsFollow(leaves, state) }),
  switches: switchesFollow,
  directory: directoryFollows,
  sessions: (leaves, state) => ({ problems: sessionsFollow(leaves, state) }),
  keys: (leaves, state) => ({ problems: keysFollow(leaves, state) }),
  passkeys: (leaves, state) => ({ problems: passkeysFollow(leaves, state) }),
};

/** Each activation replaces the one before it, the last one is active, and each policy is stored as its digest names it. */
function policyFollows(
  leaves: readonly Leaf[],
  { policy = null, policy_sets: sets }: StreamState,
): Omit<Finding, 'checked'> {
  const problems = leaves.flatMap((leaf, index) => {
    const { facts } = leaf;
    const isNext =
      facts['generation'] === index + 1 && facts['replaces'] === (leaves[index - 1]?.facts['digest'] ?? null);
    const isNamed = leaf.policy?.digest === facts['digest'];
    return isNext && isNamed ? [] : [`${nameOf(leaf)} does not replace the policy before it`];
  });
  const last = leaves.at(-1);
  const isLast = policy?.digest === last?.facts['digest'] && policy?.generation === last?.facts['generation'];
  const others = isLast ? [] : ['the active policy is not the one that was installed last'];
  return {
    problems: [...problems, ...others, ...(sets ? alteredSets(leaves, sets) : [])],
    notShown: sets ? [] : ['whether the stored policies are the installed ones is not in the evidence'],
  };
}

function alteredSets(
  leaves: readonly Leaf[],
  sets: NonNullable<StreamState['policy_sets']>,
): readonly string[] {
  const intact = new Set<unknown>(
    sets.filter(({ is_intact: isIntact }) => isIntact).map(({ digest }) => digest),
  );
  const installed = new Set(leaves.map(({ facts }) => facts['digest']));
  return [...installed]
    .filter((digest) => !intact.has(digest))
    .map((digest) => `the stored policy ${JSON.stringify(digest)} was altered or is gone`);
}

/** Every policy that was proposed is there, and no other. */
function proposalsFollow(leaves: readonly Leaf[], { proposals = [] }: StreamState): string[] {
  const recorded = new Set(
    leaves.flatMap(({ facts }) => (typeof facts['digest'] === 'string' ? [facts['digest']] : [])),
  );
  const kept = new Set(proposals);
  return [
    ...[...kept].filter((digest) => !recorded.has(digest)).map((digest) => `${digest} is in no entry`),
    ...[...recorded]
      .filter((digest) => !kept.has(digest))
      .map((digest) => `${digest} was proposed and is gone`),
  ];
}
