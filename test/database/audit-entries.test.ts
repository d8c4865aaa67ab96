import { expect, it } from 'vitest';

import { nextEntry } from '../../database/audit-entries.ts';
import {
  commitment,
  leafHash,
  nextLeaf,
  NO_LEAF,
  type Leaf,
  type LeafDraft,
} from '../../domain/audit/leaf.ts';
import { filesBelow, foldersIn, read } from '../docs/documents.ts';

const draft: LeafDraft = {
  type: 'switch.thrown',
  at: '2026-01-05T12:00:00.000Z',
  actor: { pseudonym: 'acc_a', kind: 'person', via: 'api' },
  intent_digest: null,
  decision_digest: null,
  policy_digest: 'sha256:p',
  facts: { switch: 'ks_1' },
  evidence: { grade: 'C', refs: [] },
  parts: { reason: 'because', agent: { subject: 'b' } },
};

const STREAM = { request: 'switches', run: 'switches', namespace: '', id: (n: number) => `switches/${n}` };

it('an entry says nothing that its writer and its stream do not determine, but a nonce and salts', () => {
  const first = nextEntry(draft, { ...STREAM, last: NO_LEAF });
  const second = nextEntry(draft, { ...STREAM, last: first.leaf });
  const leaf = JSON.parse(second.text) as Leaf;
  expect([leaf.id, leaf.n, leaf.prev]).toEqual(['switches/1', 1, leafHash(first.text)]);
  const salts = Object.fromEntries(second.parts.map(({ part, salt }) => [part, salt]));
  const again = nextLeaf(draft, { ...STREAM, last: first.leaf, nonce: leaf.nonce, salts });
  expect(again).toEqual({ id: second.id, text: second.text, leaf: second.leaf });
  expect(leaf.commit).toEqual(
    Object.fromEntries(second.parts.map(({ part, salt, body }) => [part, commitment(salt, body)])),
  );
  const random = [first, second].flatMap((entry) => [
    (JSON.parse(entry.text) as Leaf).nonce,
    ...entry.parts.map(({ salt }) => salt),
  ]);
  expect(new Set(random).size).toBe(6);
  for (const one of random) expect(one).toMatch(/^[0-9a-f]{32}$/);
});

it('no program makes an entry in another way', () => {
  const makers = foldersIn('.')
    .filter((folder) => folder !== 'test/')
    .flatMap(filesBelow)
    .filter((file) => file.endsWith('.ts') && /\b(?:nextLeaf|leafText)\(/.test(read(file)));
  expect(makers).toEqual(['database/audit-entries.ts', 'domain/audit/leaf.ts']);
});
