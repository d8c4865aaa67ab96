import type { DecisionBody, ProofAnswer } from '../../../contract/decisions.ts';
import type { CardAnswer } from '../../../contract/cards.ts';
import { siteOf } from '../../../domain/proof/passkey.ts';
import { begin, Browser, comeBack, type Page } from '../../api/sign-in/browser.ts';
import { postJson } from '../../api/keys/keys.ts';
import { register } from '../../api/passkeys/passkeys.ts';
import { Authenticator, type Ceremony } from '../../domain/proof/authenticator.ts';
import type { Stack } from '../../stack/stack.ts';

/** How an approval goes, but for what is said here. */
export interface Approving {
  readonly passkey?: Authenticator;
  /** What the authenticator does wrong. */
  readonly wrong?: Partial<Ceremony>;
  /** The proof of another one. */
  readonly proof?: DecisionBody['proof'];
}

/** Somebody with a session and a passkey, without the pages. */
export class Reviewer {
  readonly passkey = new Authenticator();
  readonly browser: Browser;

  private constructor(browser: Browser) {
    this.browser = browser;
  }

  /** Signs in, asked by the provider just now, and registers the passkey. */
  static async enrol(stack: Stack, subject: string): Promise<Reviewer> {
    const reviewer = await Reviewer.signIn(stack, subject);
    await register(reviewer.browser, { passkey: reviewer.passkey });
    return reviewer;
  }

  static async signIn({ apis, issuer }: Stack, subject: string): Promise<Reviewer> {
    const url = apis[0]?.url ?? '';
    const browser = new Browser(url, url);
    const begun = await begin(browser, issuer, { prompt: 'login' });
    const claims = { auth_time: Math.floor(Date.now() / 1_000) };
    const page = await comeBack(browser, { issuer, begun, subject }, { claims });
    if (page.status !== 303) throw new Error(`Nobody signed in: ${page.status} ${page.text}`);
    return new Reviewer(browser);
  }

  async card(id: string): Promise<CardAnswer> {
    return JSON.parse((await this.browser.get(`/v1/requests/${id}/card`)).text) as CardAnswer;
  }

  /** What an approval is on. */
  async words(
    id: string,
  ): Promise<Pick<DecisionBody, 'decision_digest' | 'view_digest'> & { verdict: 'approve' }> {
    const { card, view_digest } = await this.card(id);
    return { verdict: 'approve', decision_digest: card.decision_digest ?? '', view_digest };
  }

  async begin(id: string): Promise<Page> {
    return postJson(this.browser, `/v1/requests/${id}/proofs`, { grade: 'A', ...(await this.words(id)) });
  }

  /** A proof, signed. */
  async prove(
    id: string,
    { passkey = this.passkey, wrong = {} }: Approving = {},
  ): Promise<DecisionBody['proof']> {
    const { status, text } = await this.begin(id);
    if (status !== 201) throw new Error(`No proof was begun: ${status} ${text}`);
    const { id: proof, challenge } = JSON.parse(text) as ProofAnswer;
    const signed = passkey.assert({ ...siteOf(this.browser.origin), challenge, ...wrong });
    return { id: proof, passkey: signed };
  }

  async approve(id: string, approving: Approving = {}): Promise<Page> {
    const proof = approving.proof ?? (await this.prove(id, approving));
    return this.send(id, { proof });
  }

  async send(id: string, more: Partial<DecisionBody> = {}): Promise<Page> {
    return postJson(this.browser, `/v1/requests/${id}/decisions`, { ...(await this.words(id)), ...more });
  }
}
