/** False for an address whose answer could be changed on the way, unless the operator allows that for this service. */
export function mayFetchFrom(
  address: string,
  service: { readonly allow_insecure_http?: boolean | undefined },
): boolean {
  if (service.allow_insecure_http === true) return true;
  const url = URL.parse(address);
  return url?.protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '');
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
