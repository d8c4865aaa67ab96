import { verifyRegistrationResponse } from '@simplewebauthn/server';
import {
  cose,
  decodeAttestationObject,
  decodeCredentialPublicKey,
  isoBase64URL,
} from '@simplewebauthn/server/helpers';

import type { CreatePasskeyBody } from '../../../contract/passkeys.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { passkeyJwkSchema, siteOf, type PasskeyJwk } from '../../../domain/proof/passkey.ts';

/** What an authenticator says of a passkey that it made. */
export interface MadePasskey {
  readonly credential: string;
  readonly publicKey: PasskeyJwk;
  readonly counter: number;
  readonly isSynced: boolean;
  readonly origin: string;
  readonly rpId: string;
}

type Answer = Pick<CreatePasskeyBody, 'challenge' | 'credential' | 'client_data' | 'attestation'>;

/** The passkey of an answer to this challenge at this address. Refuses (`passkey_invalid`) all others. */
export async function madePasskey(answer: Answer, publicUrl: string): Promise<MadePasskey> {
  const site = siteOf(publicUrl);
  try {
    refuseAttested(answer.attestation);
    const { verified, registrationInfo: info } = await verifyRegistrationResponse({
      response: {
        id: answer.credential,
        rawId: answer.credential,
        type: 'public-key',
        clientExtensionResults: {},
        response: { clientDataJSON: answer.client_data, attestationObject: answer.attestation },
      },
      expectedChallenge: answer.challenge,
      expectedOrigin: site.origin,
      expectedRPID: site.rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs: [cose.COSEALG.ES256, cose.COSEALG.EdDSA, cose.COSEALG.RS256],
    });
    if (!verified || info.credential.id !== answer.credential) throw new Error('it is not verified');
    return {
      credential: info.credential.id,
      publicKey: jwkOf(info.credential.publicKey),
      counter: info.credential.counter,
      isSynced: info.credentialDeviceType === 'multiDevice',
      ...site,
    };
  } catch (error) {
    throw new KeyturnError(
      'passkey_invalid',
      `The passkey was not accepted (${error instanceof Error ? error.message : 'unreadable'}). Begin again.`,
    );
  }
}

/**
 * None is asked for, so browsers send none but that of the key itself. A certificate would have the library fetch lists of
 * revoked ones from addresses that the caller names.
 */
function refuseAttested(attestation: string): void {
  const decoded = decodeAttestationObject(isoBase64URL.toBuffer(attestation));
  const format = decoded.get('fmt');
  const isOfItself = format === 'packed' && decoded.get('attStmt').get('x5c') === undefined;
  if (format !== 'none' && !isOfItself) throw new Error('it has an attestation, which is not asked for');
}

/** The same key in the form that everything else of Keyturn uses. */
function jwkOf(publicKey: Parameters<typeof decodeCredentialPublicKey>[0]): PasskeyJwk {
  const key = decodeCredentialPublicKey(publicKey);
  const { crv, x, y, n, e } = cose.COSEKEYS;
  const part = (name: number): string =>
    isoBase64URL.fromBuffer((key as Map<number, unknown>).get(name) as never);
  if (cose.isCOSEPublicKeyEC2(key) && key.get(crv) === cose.COSECRV.P256)
    return passkeyJwkSchema.parse({ kty: 'EC', crv: 'P-256', x: part(x), y: part(y) });
  if (cose.isCOSEPublicKeyOKP(key) && key.get(crv) === cose.COSECRV.ED25519)
    return passkeyJwkSchema.parse({ kty: 'OKP', crv: 'Ed25519', x: part(x) });
  if (cose.isCOSEPublicKeyRSA(key)) return passkeyJwkSchema.parse({ kty: 'RSA', n: part(n), e: part(e) });
  throw new Error('its key is of a kind that was not asked for');
}
