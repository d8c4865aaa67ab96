import type { z } from 'zod';

import type { OnCallAnswer } from '../../../database/on-call.ts';
import { boundedText } from '../../../configuration/fetching.ts';

/** A longer answer about one rotation is not one. */
const BYTES_MAX = 1024 * 1024;

/** Everybody in a rotation and everybody on call, by their ids at the service. */
export type NamedPeople = Pick<OnCallAnswer, 'members' | 'on_duty'>;

/** A service, called with its token until the signal ends it. */
export interface ServiceCall {
  readonly base: URL;
  readonly token: string | null;
  readonly signal: AbortSignal;
}

/** What is wrong with the answer of a service, in words that hold nothing of it. */
export class ServiceFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ServiceFault';
  }
}

/** The checked answer. Throws `ServiceFault` for all but 200: a redirection could take the token to somebody else. */
export async function fetchJson<Answer>(
  url: URL,
  init: Pick<RequestInit, 'headers' | 'signal'>,
  schema: z.ZodType<Answer>,
): Promise<Answer> {
  const response = await fetch(url, { ...init, redirect: 'manual' }).catch(refuse);
  if (response.status !== 200) {
    await response.body?.cancel().catch(() => undefined);
    throw new ServiceFault(`it answered ${response.status}`);
  }
  const text = await boundedText(response, BYTES_MAX).catch(refuse);
  if (text === null) throw new ServiceFault('its answer is too long');
  const { data, error } = schema.safeParse(parsed(text));
  if (error !== undefined) throw new ServiceFault('its answer has another form than expected');
  return data;
}

function parsed(text: string): unknown {
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
