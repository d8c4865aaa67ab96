import type { CreatePasskeyBody, Registration } from '../../../contract/passkeys.ts';

/** ES256, EdDSA, RS256: what the server knows how to check. */
const ALGORITHMS = [-7, -8, -257];
/** Time to find a key, or a phone. */
const TIMEOUT_MS = 300_000;

/** A passkey as the server names it to the browser. */
type Known = Registration['known'][number];

/** What a passkey signed, as the server takes it. */
export type SignedAnswer = NonNullable<CreatePasskeyBody['confirmation']>;

/** What is to be signed, with which passkeys. */
export interface Challenge {
  readonly challenge: string;
  readonly rp_id: string;
  readonly known: readonly Known[];
}

/** What the browser, the authenticator or the person did not do, in words that say what helps. */
export class AuthenticatorRefusal extends Error {}

/** Has an authenticator make a passkey. Where the person has one already, that has to sign as well. */
export async function makePasskey(registration: Registration): Promise<Omit<CreatePasskeyBody, 'link'>> {
  const { challenge, rp_id, user, known, must_confirm: mustConfirm } = registration;
  const confirmation = mustConfirm ? await signWith(registration) : null;
  const made = await ask(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { id: rp_id, name: 'Keyturn' },
        user: { id: bytesOf(user.id), name: user.name, displayName: user.display_name },
        challenge: bytesOf(challenge),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        excludeCredentials: known.map(descriptorOf),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
        attestation: 'none',
        timeout: TIMEOUT_MS,
      },
    }),
  );
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    challenge,
    credential: textOf(made.rawId),
    client_data: textOf(response.clientDataJSON),
    attestation: textOf(response.attestationObject),
    transports: response.getTransports(),
    ...(confirmation && { confirmation }),
  };
}

/** Has one of these passkeys sign the challenge, after the person proved to it who they are. */
export async function signWith({ challenge, rp_id, known }: Challenge): Promise<SignedAnswer> {
  const signed = await ask(() =>
    navigator.credentials.get({
      publicKey: {
        rpId: rp_id,
        challenge: bytesOf(challenge),
        allowCredentials: known.map(descriptorOf),
        userVerification: 'required',
        timeout: TIMEOUT_MS,
      },
    }),
  );
  const { authenticatorData, clientDataJSON, signature } = signed.response as AuthenticatorAssertionResponse;
  return {
    credential: textOf(signed.rawId),
    authenticator_data: textOf(authenticatorData),
    client_data: textOf(clientDataJSON),
    signature: textOf(signature),
  };
}

const REFUSALS: Readonly<Record<string, string>> = {
  NotAllowedError: 'Nothing was signed: it was cancelled, or took too long. Try again.',
  InvalidStateError:
    'This authenticator has a passkey of yours already. Use that one, or another authenticator.',
  NotSupportedError: 'This authenticator makes no key that Keyturn can check. Use another one.',
  SecurityError:
    'The browser gives no passkeys at this address. Open Keyturn by its name, over https or as localhost.',
};

async function ask(call: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (!('PublicKeyCredential' in globalThis))
    throw new AuthenticatorRefusal(
      'This browser has no passkeys here. Open Keyturn over https, in a newer one.',
    );
  const answer = await call().catch((error: unknown) => {
    const why = error instanceof DOMException ? REFUSALS[error.name] : undefined;
    throw why === undefined ? error : new AuthenticatorRefusal(why);
  });
  return answer as PublicKeyCredential;
}

function descriptorOf({ credential, transports }: Known): PublicKeyCredentialDescriptor {
  return {
    type: 'public-key',
    id: bytesOf(credential),
    transports: transports as AuthenticatorTransport[],
  };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.codePointAt(0) ?? 0);
}

function textOf(buffer: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCodePoint(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
