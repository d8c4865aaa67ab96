/** Longer bodies cannot be envelopes of ours. */
export const BODY_LENGTH_MAX = 600_000;

/** How deep a ticket may be wrapped: in a list of one, in an object, in a text of JSON. */
const WRAPPINGS_MAX = 4;

/**
 * The envelope in what somebody sent, or null. People paste a ticket into the Temporal UI in many ways: as it is, as
 * `{ "ticket": … }`, as a list of one, or encoded twice. Each of them means one ticket; whatever may mean more is null.
 */
export function envelopeIn(body: unknown): string | null {
  let found = body;
  for (let wrappings = 0; wrappings <= WRAPPINGS_MAX; wrappings += 1) {
    if (typeof found !== 'string') found = unwrapped(found);
    else if (found.length > BODY_LENGTH_MAX) return null;
    else if (isCompact(found.trim())) return found.trim();
    else found = parsed(found.trim());
  }
  return null;
}

function unwrapped(body: unknown): unknown {
  if (Array.isArray(body)) return body.length === 1 ? body[0] : null;
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'ticket')) return null;
  const { ticket } = body as { readonly ticket: unknown };
  return typeof ticket === 'string' ? ticket : null;
}

/** A compact JWS: three base64url parts, the first a JSON object. */
function isCompact(text: string): boolean {
  return text.startsWith('eyJ') && text.split('.', 4).length === 3;
}

function parsed(text: string): unknown {
  if (!/^["[{]/.test(text)) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
