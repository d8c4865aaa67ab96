import { boundedText } from '../../../configuration/fetching.ts';

/** A longer answer about one rotation is not one. */
const BYTES_MAX = 1024 * 1024;

/** What is wrong with the answer of a service, in words that hold nothing of it. */
export class ServiceFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ServiceFault';
  }
}

/** The answer as JSON. Throws `ServiceFault` for all but 200: a redirection could take the token to somebody else. */
export async function fetchJson(url: URL, init: Pick<RequestInit, 'headers' | 'signal'>): Promise<unknown> {
  const response = await fetch(url, { ...init, redirect: 'manual' }).catch(refuse);
  if (response.status !== 200) {
    await response.body?.cancel().catch(() => undefined);
    throw new ServiceFault(`it answered ${response.status}`);
  }
  const text = await boundedText(response, BYTES_MAX).catch(refuse);
  if (text === null) throw new ServiceFault('its answer is too long');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ServiceFault('its answer is not JSON');
  }
}

/** Causes of others may quote an address or an answer: only their kind is shown. */
function refuse(error: unknown): never {
  if (error instanceof ServiceFault) throw error;
  const isLate = error instanceof Error && error.name === 'TimeoutError';
  throw new ServiceFault(isLate ? 'it did not answer in time' : 'it could not be reached');
}
