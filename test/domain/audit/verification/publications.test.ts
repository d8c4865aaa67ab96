import { beforeAll, describe, expect, it } from 'vitest';

import type { Leaf } from '../../../../domain/audit/leaf.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { sha256 } from '../../../../domain/crypto/digest.ts';
import {
  publicationsApproved,
  type Publication,
} from '../../../../domain/audit/verification/publications.ts';
import { STORED_FACTS, FACTS_DIGEST, minute } from './policy.ts';
import {
  entry,
  find,
  makeKeys,
  executedStory,
  refact,
  REQUEST,
  rewrite,
  type Keys,
  type Story,
} from './story.ts';
import { plain, stored, wholeEvidence } from './whole.ts';

const [FIRST, SECOND, THIRD] = [sha256('first'), sha256('second'), sha256('third')];

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

function installed(n: number, facts: Record<string, JsonValue>): Leaf {
  const { draft } = entry('policy.installed', facts, { at: minute(n) });
  return { ...draft, n } as unknown as Leaf;
}

const STREAM = [
  installed(0, { digest: FIRST, replaces: null }),
  installed(1, { digest: SECOND, replaces: FIRST, request: REQUEST }),
];

interface Change {
  readonly args?: Record<string, string>;
  readonly outcome?: Publication['outcome'];
  readonly story?: (story: Story) => unknown;
}

/** The request that published the second policy, of which its own verification is another test's matter. */
async function publication({ args, outcome = 'ok', story: spoil }: Change = {}): Promise<Publication> {
  const story = await executedStory(keys);
  refact(find(story, 'request.received'), { action: 'keyturn.policy.publish' });
  spoil?.(story);
  const evidence = wholeEvidence(story);
  const published = { ...STORED_FACTS, args: args ?? { candidate: SECOND, base: FIRST } };
  evidence.inputs.facts = [{ ...stored(FACTS_DIGEST, STORED_FACTS), body: plain(published) }];
  return { request: REQUEST, evidence, outcome };
}

describe('the activation of a policy', () => {
  it('is right by a request that published exactly this, and by hand where the entry says so', async () => {
    const byHand = installed(2, { digest: THIRD, replaces: SECOND, recovery: true });
    expect(publicationsApproved([...STREAM, byHand], [await publication()])).toEqual({
      problems: [],
      notShown: [],
      checked: '1 by approved requests, 1 by hand',
    });
  });

  it.each<readonly [what: string, change: Change]>([
    ['does not verify', { outcome: 'failed' }],
    ['publishes another policy', { args: { candidate: THIRD, base: FIRST } }],
    ['publishes it in place of another', { args: { candidate: SECOND, base: THIRD } }],
    [
      'does something else',
      { story: (story) => refact(find(story, 'request.received'), { action: 'postgres.execute' }) },
    ],
    [
      'did not succeed',
      { story: (story) => rewrite(find(story, 'execution.succeeded'), { type: 'execution.failed' }) },
    ],
    ['was never executed', { story: (story) => story.entries.splice(-2) }],
  ])('is wrong by a request that %s', async (_what, change) => {
    const { problems } = publicationsApproved(STREAM, [await publication(change)]);
    expect(problems).toHaveLength(1);
  });

  it('is wrong by a request that activated another one before', async () => {
    const again = installed(2, { digest: SECOND, replaces: FIRST, request: REQUEST });
    const { problems } = publicationsApproved([...STREAM, again], [await publication()]);
    expect(problems).toEqual(['entry 2 (policy.installed) uses a request again']);
  });

  it('is not shown without the evidence of its request, or where that is not shown whole', async () => {
    expect(publicationsApproved(STREAM, []).notShown).toHaveLength(1);
    const unread = { request: REQUEST, unread: 'forbidden: not for you' };
    expect(publicationsApproved(STREAM, [unread]).notShown).toEqual([
      expect.stringMatching(`${REQUEST}.*forbidden: not for you`),
    ]);
    const partly = await publication({ outcome: 'not_shown' });
    expect(publicationsApproved(STREAM, [partly]).notShown).toHaveLength(1);
    const withoutFacts = await publication();
    (withoutFacts.evidence.inputs ?? { facts: [] }).facts = [];
    expect(publicationsApproved(STREAM, [withoutFacts])).toMatchObject({
      problems: [],
      notShown: [expect.any(String)],
    });
  });
});
