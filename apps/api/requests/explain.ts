import type { ActionDefinition, Target } from '../../../domain/policy.ts';
import type { SignedRequest } from '../../../domain/envelope.ts';
import type { PrivilegedActionInput } from '../../../workflows/messages.ts';
import type { Caller } from '../auth/caller.ts';

/** What people read of a request in the Temporal UI before anything of it is planned: facts made by the server only. */
export interface Explanation {
  readonly asked: PrivilegedActionInput['asked'];
  /** One line, at most 400 bytes. */
  readonly summary: string;
  /** Markdown. */
  readonly details: string;
}

/** What is needed to explain a request. */
export interface Explainable {
  readonly signed: SignedRequest;
  readonly action: ActionDefinition;
  readonly target: Target;
  /** Whom the directory has for the requester. */
  readonly caller: Pick<Caller, 'agent' | 'person'>;
  readonly publicUrl: string;
}

/** Longer names are cut in the Temporal UI, which takes 20,000 bytes in all; the API shows them whole. */
const TEXT_BYTES_MAX = 400;

/** Explains a request. Nothing that an agent wrote is in it. */
export function explain(facts: Explainable): Explanation {
  const { signed, action, target } = facts;
  const askedBy = requesterName(facts);
  const howToDecide = howToDecideText(signed.id, facts.publicUrl);
  return {
    asked: {
      action: `${action.title} (${action.action})`,
      target: `${target.title} (${target.id}, ${target.environment})`,
      asked_by: askedBy,
      how_to_decide: howToDecide,
    },
    summary: cut(
      oneLine(`${action.title} on ${target.title} (${target.environment}), asked by ${askedBy}`),
      390,
    ),
    details: detailsOf(facts, askedBy, howToDecide),
  };
}

/** How a reviewer answers, from inside the Temporal UI and from outside. */
export function howToDecideText(request: string, publicUrl: string): string {
  return (
    `With the CLI: keyturn show ${request}, then keyturn approve, deny or defer ${request}. ` +
    `In this UI: get a ticket with keyturn ticket ${request} approve (or deny; or POST ${publicUrl}/v1/requests/${request}/tickets), ` +
    'then More Actions, Send a Signal, decide, and paste the ticket as a JSON string. ' +
    'A signal without a ticket never counts.'
  );
}

function detailsOf({ signed, action, target }: Explainable, askedBy: string, howToDecide: string): string {
  const others = signed.lineage.slice(1).map((member) => `- ${member.role}: ${code(member.subject)}`);
  return [
    `**Action:** ${markdown(action.title)} (${markdown(action.action)}, version ${action.schema_version})`,
    `**Target:** ${markdown(target.title)} (${markdown(target.id)})`,
    `**Environment:** ${markdown(target.environment)}`,
    `**Asked by:** ${markdown(askedBy)}`,
    ...(others.length > 0 ? [`**Behind it:**\n\n${others.join('\n')}`] : []),
    `**Asked at:** ${signed.issued_at}`,
    `**Intent digest:** ${signed.intent_digest}`,
    `**How to decide:** ${howToDecide}`,
  ].join('\n\n');
}

function requesterName({ signed, caller }: Explainable): string {
  const [requester] = signed.lineage;
  const name = caller.agent?.name ?? caller.person?.name;
  const subject = cut(oneLine(requester?.subject ?? ''), 100);
  return name === undefined ? subject : `${cut(oneLine(name), 100)} (${subject})`;
}

/**
 * Text from outside, as code: the UI makes links of addresses in all other text, escaped or not. The fence is longer than
 * any inside.
 */
function code(text: string): string {
  const line = cut(oneLine(text), TEXT_BYTES_MAX);
  const fences = line.match(/`+/g) ?? [];
  const fence = '`'.repeat(Math.max(0, ...fences.map((inner) => inner.length)) + 1);
  return `${fence} ${line} ${fence}`;
}

/** Names of the catalogue and the directory as they are written: no heading, no image, no emphasis. */
function markdown(text: string): string {
  return cut(oneLine(text), TEXT_BYTES_MAX).replaceAll(/[\\`*_{}[\]()#+.!|<>~&-]/g, String.raw`\$&`);
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}

function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  const short = new TextDecoder().decode(Buffer.from(text).subarray(0, bytesMax - 4)).replace(/\uFFFD+$/, '');
  return `${short}…`;
}
