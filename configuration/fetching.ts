/** False for an address whose answer could be changed on the way, unless the operator allows that for who is asked. */
export function mayFetchFrom(
  address: string,
  asked: { readonly allow_insecure_http?: boolean | undefined },
): boolean {
  const { protocol, hostname } = new URL(address);
  const isProtected = protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  return asked.allow_insecure_http === true || isProtected;
}

/** The whole body as text; null for a longer one, of which no more is read. */
export async function boundedText(response: Response, bytesMax: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
