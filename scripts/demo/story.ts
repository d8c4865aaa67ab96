import { execFile } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import type { CreateBody } from '../../contract/requests.ts';
import { KeyturnClient, KeyturnProblem, type Created } from '../../sdk/client.ts';
import { root } from '../servers/root.ts';
import type { Addresses } from '../start/system.ts';
import { printFacts, printPlan, narrate } from './narrator.ts';

/** Where the story is played. */
export interface Stage {
  readonly addresses: Addresses;
  /** A copy of the public keys that did not come from the server whose record is checked. */
  readonly verificationKeys: string;
}

const run = promisify(execFile);

/** Plays one request from the agent's question to the proof, and says what happens and why. */
export async function playStory(stage: Stage): Promise<void> {
  narrate('What Keyturn is for', [
    'An AI agent that may change production is useful, and one wrong idea away from an accident. Keyturn stands in',
    'between: the agent asks, Keyturn works out what would happen, people decide, and exactly that happens, once.',
  ]);
  const cast = await castOf(stage.addresses);
  const submitted = await agentRequests(cast);
  await ownerIsRefused(cast, submitted);
  await reviewerApproves(cast, submitted);
  await agentRepeats(cast, submitted);
  await recordIsVerified(stage, submitted);
  narrate('The end', [
    'The agent got its change without ever holding a password, a person who is not its owner agreed to exactly that',
    'change, and the record can be checked by anybody. `npm start` lets you do the same by hand.',
  ]);
}

/** Who plays: each with a token of their own, as in real life. */
interface Cast {
  readonly agent: KeyturnClient;
  readonly ada: KeyturnClient;
  readonly olga: KeyturnClient;
}

interface Submitted {
  readonly id: string;
  readonly idempotencyKey: string;
  readonly body: CreateBody;
  readonly decisionDigest: string;
}

async function castOf({ api }: Addresses): Promise<Cast> {
  const client = async (name: string): Promise<KeyturnClient> =>
    new KeyturnClient({ baseUrl: api, token: await tokenOf(name) });
  const [agent, ada, olga] = await Promise.all([client('agent-billing'), client('ada'), client('olga')]);
  return { agent, ada, olga };
}

async function agentRequests({ agent, olga }: Cast): Promise<Submitted> {
  const account = 1000 + randomInt(1, 241);
  const statement = `update account set credit_limit = ${6000 + 10 * randomInt(1, 300)} where id = ${account}`;
  narrate('1. An agent asks', [
    'The billing agent wants to raise a customer’s credit limit in the production database. It has no access to that',
    'database; all it can do is ask, and say why. It sends this statement:',
  ]);
  printFacts([statement]);
  const idempotencyKey = randomUUID();
  const body: CreateBody = {
    action: 'postgres.execute',
    target: 'shop-production',
    arguments: { statement },
    claims: { justification: 'Upgrade agreed with the customer, ticket 4711' },
  };
  const id = idOf(await agent.request(body, { idempotencyKey, waitSeconds: 20 }));
  const planned = await olga.show(id);
  narrate('2. Keyturn plans', [
    'Keyturn ran the statement in a transaction and rolled it back. So a reviewer sees what it does, side effects of',
    'triggers included, and need not believe what the agent says. Nothing has changed yet, and now it waits.',
  ]);
  printPlan(planned);
  if (planned.status !== 'pending') throw new Error(`The request is ${planned.status} instead of pending.`);
  return { id, idempotencyKey, body, decisionDigest: planned.decision_digest ?? '' };
}

async function ownerIsRefused({ ada }: Cast, submitted: Submitted): Promise<void> {
  narrate('3. The wrong person tries', [
    'Ada owns the agent. If owners could approve what their agents ask, both keys would be in one pocket.',
  ]);
  try {
    await ada.decide(submitted.id, { ...approval(submitted), reason: 'It is my own agent, it will be fine' });
  } catch (error) {
    if (!(error instanceof KeyturnProblem)) throw error;
    printFacts([`Ada approves. Refused: ${error.detail} (${error.code})`]);
    return;
  }
  throw new Error('The owner of the agent could approve its request. That must never be.');
}

async function reviewerApproves({ olga }: Cast, submitted: Submitted): Promise<void> {
  narrate('4. The right person decides', [
    'Olga is a database administrator and finds the request in her inbox. Her approval names the digest of exactly',
    'what she saw. Were a single row different by the time it runs, it would come back to her instead.',
  ]);
  const inbox = await olga.inbox({ limit: 100 });
  if (!inbox.items.some(({ id }) => id === submitted.id)) throw new Error('The request is not in her inbox.');
  await olga.decide(submitted.id, { ...approval(submitted), reason: 'Customer and limit match the ticket' });
  const finished = await olga.untilFinished(submitted.id, { timeoutMs: 60_000 });
  printFacts(['Olga approves.', `The worker makes the change. The request is now: ${finished.status}`]);
  if (finished.status !== 'succeeded') throw new Error(`The request ended as ${finished.status}.`);
}

async function agentRepeats({ agent }: Cast, submitted: Submitted): Promise<void> {
  narrate('5. Once means once', [
    'Networks fail and agents retry. The agent sends the very same request again, with the same idempotency key.',
  ]);
  const again = await agent.request(submitted.body, { idempotencyKey: submitted.idempotencyKey });
  if (idOf(again) !== submitted.id)
    throw new Error('A repeated request became a second one. That must never be.');
  printFacts(['The answer is the same request. Nothing ran a second time.']);
}

async function recordIsVerified({ addresses, verificationKeys }: Stage, submitted: Submitted): Promise<void> {
  narrate('6. The record', [
    'Every step was written down before it was taken, each entry chained to the one before. `keyturn verify` checks',
    'the chain, the signatures and the count of approvals on this side, not on the server:',
  ]);
  const cli = path.join(root, 'dist', 'apps', 'cli', 'main.js');
  const env = { ...process.env, KEYTURN_API_URL: addresses.api, KEYTURN_TOKEN: await tokenOf('olga') };
  const args = [cli, 'verify', submitted.id, '--keys', verificationKeys];
  const { stdout } = await run(process.execPath, args, { env });
  printFacts(stdout.trimEnd().split('\n'));
}

function approval(submitted: Submitted): { readonly decision_digest: string; readonly verdict: 'approve' } {
  return { decision_digest: submitted.decisionDigest, verdict: 'approve' };
}

function idOf(created: Created): string {
  return created.kind === 'recorded' ? created.request.id : created.id;
}

/** What the scripts of the guide do, too: no other way in. */
async function tokenOf(name: string): Promise<string> {
  const { stdout } = await run(process.execPath, [path.join(root, 'scripts', 'demo-token.mjs'), name]);
  return stdout.trim();
}
