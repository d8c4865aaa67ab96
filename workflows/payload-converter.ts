import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

import { BODY_LENGTH_MAX } from './envelope-in.ts';

/** What bytes that nobody can decode become: an unauthenticated message, like any other junk. */
export const UNDECODABLE = 'keyturn:undecodable';

/**
 * Total: the default converter throws on an unknown encoding or broken JSON, and one such signal would keep a workflow's
 * task failing for ever. What is no text either cannot be an envelope, and is dropped at the door.
 */
class TotalPayloadConverter implements PayloadConverter {
  toPayload<T>(value: T): Payload {
    return defaultPayloadConverter.toPayload(value);
  }

  fromPayload<T>(payload: Payload): T {
    try {
      const value = defaultPayloadConverter.fromPayload<unknown>(payload);
      return (value instanceof Uint8Array ? textOf(payload) : value) as T;
    } catch {
      return textOf(payload) as T;
    }
  }
}

/** Text that was sent without quotes, or as bytes: a pasted ticket is one. Only what ASCII can say. */
function textOf({ data }: Payload): string {
  if (!data || data.length === 0 || data.length > BODY_LENGTH_MAX) return UNDECODABLE;
  let text = '';
  for (let start = 0; start < data.length; start += CHUNK) {
    const chunk = data.subarray(start, start + CHUNK);
    if (chunk.some((byte) => byte > MAX_ASCII)) return UNDECODABLE;
    text += String.fromCharCode(...chunk);
  }
  return text;
}

const CHUNK = 4_096;
const MAX_ASCII = 0x7e;

export const payloadConverter: PayloadConverter = new TotalPayloadConverter();
