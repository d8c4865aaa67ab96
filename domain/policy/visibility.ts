import { PUBLISH, type PolicySet } from './policy.ts';
import { APPROVED, type RequestStatus } from '../request/status.ts';
import type { Selector } from '../request/requirement.ts';
import { PUBLIC_CODES } from '../request/connector-codes.ts';

/**
 * How much of a request a reader may see. `whole`: everything. `approved`: what was approved, and no cause of a failure.
 * `decided`: how it is rated and which rules ask for whom, with nothing else that a plan or an error says. `standing`:
 * what is asked for, how it stands and who may decide it.
 */
export type Visibility = 'whole' | 'approved' | 'decided' | 'standing';

/** Who reads. */
export interface Reader {
  /** They stand behind the request. */
  readonly isOwn: boolean;
  /** The requirement names them, they decided, or they operate or audit Keyturn. */
  readonly isNamed: boolean;
}

/** How a request stands. */
export interface Standing {
  readonly status: RequestStatus;
  /** Risk and rules may follow from what a dry run read of the target. */
  readonly hasPlan: boolean;
  /** A person approved or denied exactly what it asks now. */
  readonly isDecided: boolean;
}

/**
 * The one author of who sees what. Plans and errors carry rows of the target: they are for those whom the requirement
 * names, who decided, operators and auditors. Those behind a request see its plan once it was approved, and never why
 * something failed. Risk and rules follow from the plan: until a person decided they are for the same readers, so that asking, and
 * withdrawing what was asked, is not a way to read data. Everybody else sees how it stands.
 */
export function visibilityOf({ isOwn, isNamed }: Reader, standing: Standing): Visibility {
  if (!isOwn && isNamed) return 'whole';
  const isAgreed = APPROVED.includes(standing.status);
  if (isOwn && isAgreed) return 'approved';
  return isAgreed || standing.isDecided || !standing.hasPlan ? 'decided' : 'standing';
}

/** Whom a request names that has no requirement and was not denied: who is asked where no rule asks, and who owns the target. */
export function readersWithoutRequirement({ defaults }: Pick<PolicySet, 'defaults'>): readonly Selector[] {
  return ['owners', ...defaults.require.stages.flatMap(({ any }) => any)];
}

/** True for those who may see what a plan says. */
export function seesPlan(visibility: Visibility): boolean {
  return visibility === 'whole' || visibility === 'approved';
}

/** Why a request ended without doing what was asked for. */
export interface Failure {
  readonly code: string;
  readonly detail: string;
}

/** A failure as a reader may know it: the cause for those who see the whole request, one code for everybody else. */
export function visibleFailure(
  { code, detail }: Failure,
  visibility: Visibility,
): { readonly code: string; readonly detail?: string } {
  return visibility === 'whole' ? { code, detail } : { code: publicCode(code) };
}

/**
 * True where those behind a request may know the cause of its failure: a publication that could not be planned. Its
 * cause is made of the proposal, which they wrote, and of no data of a target.
 */
export function isOwnMistake(
  action: string,
  { code }: Pick<Failure, 'code'>,
  { hasPlan }: Pick<Standing, 'hasPlan'>,
): boolean {
  return action === PUBLISH.action && code === 'policy_invalid' && !hasPlan;
}

/** What every failure is called whose code rows of the target could have chosen. */
const TARGET_ERROR = 'target_error';

/**
 * The code of a failure without what data of the target could choose. Before people approved, all errors that depend on
 * data are one; of an approved action's, the class of SQLSTATE is told. Codes that are not listed count as chosen by data.
 */
function publicCode(code: string): string {
  return KNOWN_CODES.has(code) ? code : TARGET_ERROR;
}

const CODES_WITHOUT_DATA = [
  // Of policy and people.
  'forbidden',
  'policy_invalid',
  'target_removed',
  'requester_inactive',
  'start_window_over',
  'switched_off',
  // Of the course of the request.
  'outcome_unknown',
  'target_keeps_changing',
  'target_unreachable',
  'workflow_lost',
  'envelope_expired',
  'over_budget',
] as const;

/** A code of a request's own course, which no data of a target can choose: those behind it may know it. */
export type CodeWithoutData = (typeof CODES_WITHOUT_DATA)[number];

/** Every code that those behind a request may know. */
export const KNOWN_CODES: ReadonlySet<string> = new Set([...CODES_WITHOUT_DATA, ...PUBLIC_CODES]);
