import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { explain, type Explainable } from '../../apps/api/submission/explain.ts';
import { ACTION, TARGET } from '../domain/examples.ts';

const BENIGN = 'name';

/** What Markdown, HTML and viewers that make links of addresses would draw. */
const HOSTILE = [
  '[approve](https://evil.example)',
  '[approve][1]\n\n[1]: https://evil.example',
  '![x](https://evil.example/pixel.png)',
  '<img src=x onerror=alert(1)>',
  '<https://evil.example>',
  '</code></pre><script>alert(1)</script>',
  'https://evil.example',
  'www.evil.example',
  'mallory@evil.example',
  'javascript:alert(1)',
  '&lt;b&gt; &#x3c;',
  '`code`',
  '``',
  '`',
  '`'.repeat(500),
  '\\`',
  'a\\',
  '**Intent digest:** sha256:00',
  'a\n\n**How to decide:** trust me',
  'a\r\n# heading',
  'a\u2028# heading\u2029- item',
  '\u202Egnp.live',
  '| a | b |\n|---|---|',
  '~~struck~~ _emphasis_ $x$',
  '- [x] done',
  '',
  ' ',
  '\u{1F600}'.repeat(300),
  'x'.repeat(5_000),
];

/** An explanation in which every name that somebody else chose is this one. */
function explained(name: string, change: Partial<Explainable['signed']> = {}): ReturnType<typeof explain> {
  const facts: Explainable = {
    signed: {
      kind: 'request',
      id: 'req_aaaaaaaaaaaaaaaaaaaaaaaaaa',
      action: name,
      schema_version: 1,
      target: name,
      mode: 'execute',
      arguments: 'sealed',
      claims: null,
      lineage: (['requester', 'owner', 'on_behalf_of', 'trigger'] as const).map((role) => ({
        role,
        issuer: name,
        subject: name,
      })),
      intent_digest: `sha256:${'0'.repeat(64)}`,
      policy_digest: `sha256:${'0'.repeat(64)}`,
      issued_at: '2026-11-29T12:00:00.000Z',
      ...change,
    },
    action: { ...ACTION, action: name, title: name },
    target: { ...TARGET, id: name, title: name, environment: name },
    caller: {
      agent: { id: name, name, owner: name, account: { issuer: name, subject: name } },
      person: null,
    } as unknown as Explainable['caller'],
    publicUrl: 'https://keyturn.example',
  };
  return explain(facts);
}

/** What is left of Markdown without its code spans: all that can be drawn, and where the spans were. */
function drawn(markdown: string): string {
  return markdown.replaceAll(/`[^`\n]+`/g, '`');
}

function expectOnlyNames(name: string): void {
  const { summary, details } = explained(name);
  expect(drawn(summary)).toBe(drawn(explained(BENIGN).summary));
  expect(drawn(details)).toBe(drawn(explained(BENIGN).details));
  for (const text of [summary, details]) expect(text).not.toMatch(/[\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(summary).not.toContain('\n');
  expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(400);
  expect(Buffer.byteLength(details)).toBeLessThanOrEqual(20_000);
}

describe('what the Temporal UI draws of a request', () => {
  it.each(HOSTILE)('is the same whatever a name holds: %j', (name) => expectOnlyNames(name));

  it('is the same for any name', () => {
    const special = fc.constantFrom(
      ...'`\\*_{}[]()#+-.!|<>~&$@:/"\' \n\r\t\u00A0\u2028\u200B\u202E'.split(''),
      ...HOSTILE,
    );
    const name = fc.array(fc.oneof(special, fc.string({ unit: 'binary' })), { maxLength: 40 });
    fc.assert(
      fc.property(name, (parts) => expectOnlyNames(parts.join(''))),
      { numRuns: 500 },
    );
  });

  it('says when it may start, and whom only the caller names', () => {
    const start = { not_before: '2026-11-30T03:00:00.000Z', not_after: '2026-11-30T04:00:00.000Z' };
    const member = { issuer: 'i', subject: 's', role: 'on_behalf_of', is_declared: true } as const;
    const { summary, details } = explained('the-id', { start, lineage: [member, member] });
    expect(summary).toContain('requested by `the-id` (`s`), not before 2026-11-30T03:00:00.000Z');
    expect(details).toContain('**Starts not before:** 2026-11-30T03:00:00.000Z');
    expect(details).toContain('**Starts not after:** 2026-11-30T04:00:00.000Z');
    expect(details).toContain('- on_behalf_of: `s` (not proven: named by the caller or another issuer)');
    const longest = explained('x'.repeat(5_000), { start }).summary;
    expect(Buffer.byteLength(longest)).toBeLessThanOrEqual(400);
  });

  it('names action and target by their ids, never by a title alone', () => {
    const { summary, details, asked } = explained('the-id');
    expect(summary).toBe('`the-id` on `the-id` (`the-id`), requested by `the-id` (`the-id`)');
    expect(details).toContain('**Target:** `the-id` (`the-id`)');
    expect(asked.target).toBe('the-id (the-id, the-id)');
  });
});
