import type { ActionDefinition, Target } from '../../../domain/policy/policy.ts';
import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import { markdownCode, oneLine } from '../../../domain/cards/markdown.ts';
import type { Caller } from '../auth/caller.ts';

/** What is needed to explain a request. */
export interface Explainable {
  readonly signed: SignedRequest;
  readonly action: ActionDefinition;
  readonly target: Target;
  /** The requester in the directory. */
  readonly caller: Pick<Caller, 'agent' | 'person'>;
  readonly publicUrl: string;
}

/** Longer names are cut in the Temporal UI, which takes 20,000 bytes in all; the API shows them whole. */
const TEXT_BYTES_MAX = 400;

/** The summary has 400 bytes for five of them. */
const ID_BYTES_MAX = 60;

const NAME_BYTES_MAX = 100;

/**
 * What people read about a request in the Temporal UI before it is planned, in Markdown: only facts made by the server,
 * without any text of an agent. The summary is one line of at most 400 bytes.
 */
export function explain(facts: Explainable) {
  const { signed, action, target } = facts;
  const howToDecide = howToDecideText(signed.id, facts.publicUrl);
  return {
    // Shown as JSON, which is not rendered.
    asked: {
      action: oneLine(`${action.title} (${action.action})`),
      target: oneLine(`${target.title} (${target.id}, ${target.environment})`),
      asked_by: requesterName(facts, (name) => cut(oneLine(name), NAME_BYTES_MAX)),
      how_to_decide: howToDecide,
    },
    summary: summaryOf(facts),
    details: detailsOf(facts, howToDecide),
  };
}

/** By ids: titles can be changed without anybody's approval. */
function summaryOf(facts: Explainable): string {
  const [action, target, environment] = [facts.action.action, facts.target.id, facts.target.environment].map(
    (id) => code(id, ID_BYTES_MAX),
  );
  const requestedBy = requesterName(facts, (name) => code(name, ID_BYTES_MAX));
  const { not_before: notBefore = null } = facts.signed.start ?? {};
  const start = notBefore === null ? '' : `, not before ${notBefore}`;
  const purpose = facts.signed.mode === 'gate' ? ', for a decision only' : '';
  return `${action} on ${target} (${environment}), requested by ${requestedBy}${start}${purpose}`;
}

/** How a reviewer answers, from inside the Temporal UI and from outside. */
export function howToDecideText(request: string, publicUrl: string): string {
  return (
    `In the console: ${publicUrl}/requests/${request} (keyturn approve ${request} leads there). ` +
    'In this UI: get a ticket on that page (Ticket for the Temporal UI), then More Actions, Send a Signal, decide, and paste the ticket as a JSON string. ' +
    'A signal without a ticket never counts.'
  );
}

function detailsOf(facts: Explainable, howToDecide: string): string {
  const { signed, action, target } = facts;
  const others = signed.lineage.slice(1).map((member) => {
    const doubt = member.is_declared ? ' (not proven: named by the caller or another issuer)' : '';
    return `- ${member.role}: ${code(member.subject)}${doubt}`;
  });
  return [
    `**Action:** ${code(action.title)} (${code(action.action)}, version ${action.schema_version})`,
    `**Target:** ${code(target.title)} (${code(target.id)})`,
    `**Environment:** ${code(target.environment)}`,
    `**Requested by:** ${requesterName(facts, (name) => code(name))}`,
    ...(others.length > 0 ? [`**Behind it:**\n\n${others.join('\n')}`] : []),
    `**Requested at:** ${signed.issued_at}`,
    ...(signed.mode === 'gate' ? [DECISION_ONLY] : []),
    ...startLines(signed.start),
    `**Intent digest:** ${signed.intent_digest}`,
    `**How to decide:** ${howToDecide}`,
  ].join('\n\n');
}

/** Otherwise `succeeded` would read as done. */
const DECISION_ONLY =
  '**Mode:** gate. Keyturn decides, and executes nothing: the requester does, while the decision is valid. ' +
  'The status `succeeded` means that the decision was given out.';

function startLines(start: SignedRequest['start']): readonly string[] {
  return [
    ...(start?.not_before ? [`**Starts not before:** ${start.not_before}`] : []),
    ...(start?.not_after ? [`**Starts not after:** ${start.not_after}`] : []),
  ];
}

function requesterName({ signed, caller }: Explainable, shown: (name: string) => string): string {
  const [requester] = signed.lineage;
  const name = caller.agent?.name ?? caller.person?.name;
  const subject = shown(requester?.subject ?? '');
  return name === undefined ? subject : `${shown(name)} (${subject})`;
}

/** A name of the catalogue, the directory or a token: as code, cut to a length. */
function code(text: string, bytesMax = TEXT_BYTES_MAX): string {
  return markdownCode(cut(oneLine(text), bytesMax));
}

function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  const short = new TextDecoder().decode(Buffer.from(text).subarray(0, bytesMax - 4)).replace(/\uFFFD+$/, '');
  return `${short}…`;
}
