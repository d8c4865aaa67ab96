import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

/** What bytes that nobody can decode become: an unauthenticated message, like any other junk. */
export const UNDECODABLE = 'keyturn:undecodable';

/**
 * Total: the default converter throws on an unknown encoding or broken JSON, and one such signal would keep a workflow's
 * task failing for ever. Nothing that is undecodable can be an envelope, so it is dropped at the door.
 */
class TotalPayloadConverter implements PayloadConverter {
  toPayload<T>(value: T): Payload {
    return defaultPayloadConverter.toPayload(value);
  }

  fromPayload<T>(payload: Payload): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload);
    } catch {
      return UNDECODABLE as T;
    }
  }
}

export const payloadConverter: PayloadConverter = new TotalPayloadConverter();
