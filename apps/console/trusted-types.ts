/**
 * The one policy for strings that become markup. The libraries write style sheets that way, and nothing else is written
 * so: whatever holds `<` is refused, no matter who wrote it. There is no policy for scripts, so no string becomes one.
 */
interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(text: string): string }): unknown;
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };

trustedTypes?.createPolicy('default', {
  createHTML(text) {
    if (text.includes('<')) throw new TypeError('Markup is never made of text here.');
    return text;
  },
});
