import { z } from 'zod';

import { NAMES } from './names.ts';
import {
  count,
  digest,
  flag,
  instant,
  requestIdSchema,
  riskSchema,
  statusSchema,
  text,
  texts,
} from './values.ts';

const publicationSchema = z
  .object({
    request: requestIdSchema,
    status: statusSchema.describe('How the request stands'),
    created_at: instant('When it was made'),
  })
  .describe('A request to publish a policy')
  .register(NAMES, { id: 'PolicyPublication' });

const stateSchema = z
  .enum(['active', 'published', 'open', 'denied', 'expired', 'withdrawn', 'failed', 'proposed'])
  .describe(
    'active: in force; published: was in force earlier; open: its publication is on its way; denied, expired, withdrawn, failed: so ended the newest request to publish it; proposed: nobody requested its publication, or its plan is not made yet',
  );

const proposerSchema = z
  .object({ id: text('Id of the person'), name: text('Name in the directory, else the id') })
  .describe('Who proposed it first')
  .register(NAMES, { id: 'ProposedBy' });

const proposedItem = z
  .object({
    digest: digest('Digest of the policy'),
    state: stateSchema,
    proposed_at: instant('When it was proposed first'),
    proposed_by: proposerSchema,
    publications: z.array(publicationSchema).describe('Requests to publish it, newest first, 10 at most'),
  })
  .describe('A policy that somebody proposed')
  .register(NAMES, { id: 'ProposedPolicy' });

/** GET /v1/policies */
export const proposalListSchema = z
  .object({
    items: z.array(proposedItem).describe('The newest 100, newest first'),
    is_cut: flag('There are older ones, which the list leaves out'),
  })
  .describe('Policies that people proposed')
  .register(NAMES, { id: 'ProposedPolicies' });

const kindSchema = z
  .enum(['neutral', 'tightening', 'loosening'])
  .describe(
    'tightening: can only make policy stricter; neutral: changes no outcome; loosening: everything else, also where it cannot be told',
  );
const howSchema = z.enum(['added', 'removed', 'edited']).describe('What happened to it');

const changeSchema = z
  .object({
    kind: kindSchema,
    what: text('What kind of thing changes: `rule`, `target`, `directory`, …'),
    name: text('Its name. Null: there is only one of it').nullable(),
    how: howSchema,
    source: text('File and line of a rule').nullable(),
    because: text('Why an added rule may let more through').nullable(),
  })
  .describe('One difference between two policies')
  .register(NAMES, { id: 'PolicyChange' });

const saidSchema = z
  .object({
    what: z
      .enum(['what it does', 'condition', 'who must agree', 'terms', 'reason', 'notes'])
      .describe('What is said'),
    before: text('By the policy that it is compared with').nullable(),
    after: text('By this policy').nullable(),
  })
  .describe('Something that a policy says otherwise')
  .register(NAMES, { id: 'PolicyWordsChange' });

const ruleChangeSchema = z
  .object({
    id: text('Id of the rule; `default` for what holds where no rule says otherwise'),
    kind: kindSchema,
    how: howSchema,
    source: text('File and line').nullable(),
    scope: text('What it is about, in words'),
    words: z.array(saidSchema).describe('What it says otherwise; of one that is added or removed all of it'),
  })
  .describe('How a rule changes, in words')
  .register(NAMES, { id: 'PolicyRuleChange' });

const peopleChangeSchema = z
  .object({
    selector: text('Whom both policies name'),
    joined: texts('Ids of the people who may decide for it by this policy alone'),
    left: texts('Ids of the people who may not any more'),
  })
  .describe('Who joins and leaves those who decide')
  .register(NAMES, { id: 'PolicyPeopleChange' });

/** GET /v1/policies/:digest/comparison */
export const comparisonSchema = z
  .object({
    digest: digest('Digest of the policy'),
    state: stateSchema,
    proposed_at: instant('When it was proposed first. Null: it was installed').nullable(),
    proposed_by: proposerSchema.nullable().describe('Null: it was installed'),
    publications: z.array(publicationSchema).describe('Requests to publish it, newest first, 10 at most'),
    base: digest('What it is compared with: the active policy, or that which it replaced'),
    is_base_active: flag('It is compared with the active policy'),
    kind: kindSchema,
    needs_two_people: flag('Publishing it takes two different people, whatever policy says'),
    changes: z.array(changeSchema).describe('What changes, 200 at most'),
    changes_count: count('How many changes there are'),
    rules: z.array(ruleChangeSchema).describe('How rules change, 200 at most'),
    people: z
      .array(peopleChangeSchema)
      .describe('Whom selectors that both name stand for, where that differs'),
    files: z
      .array(
        z
          .object({
            file: text('Path in the policy folder; `environment variables` for those that the files read'),
            diff: text('Unified diff of the lines, in the words of their author: escape it'),
          })
          .describe('A changed file')
          .register(NAMES, { id: 'PolicyFileChange' }),
      )
      .describe('Empty where its files are not kept'),
    warnings: texts('What reviewers should look at'),
    problems: texts('Why it cannot be published as it is'),
  })
  .describe('A policy beside the one that it follows on')
  .register(NAMES, { id: 'PolicyComparison' });

const effect = z.enum(['allow', 'review', 'forbid']);

const sideSchema = z
  .object({
    effect: effect.describe('What it comes to'),
    risk: riskSchema.describe('Risk tier'),
    seats: texts('Who must agree, in words. Empty where nobody has to'),
    rules: texts('Ids of the rules that act'),
  })
  .describe('What one of the two policies says')
  .register(NAMES, { id: 'BacktestSide' });

const differenceSchema = z
  .object({
    request: requestIdSchema,
    round: count('Round of the request'),
    action: text('What was asked for'),
    target: text('On what'),
    is_looser: flag('The proposed policy lets something through that the other would not'),
    before: sideSchema,
    after: sideSchema,
  })
  .describe('A request on which the two policies differ')
  .register(NAMES, { id: 'BacktestDifference' });

const flowSchema = z
  .object({
    from: effect.describe('Effect by the policy that it replaces'),
    to: effect.describe('Effect by the proposed policy'),
    count: count('How many evaluations'),
  })
  .describe('How often one effect became another')
  .register(NAMES, { id: 'BacktestFlow' });

/** GET /v1/requests/:id/backtest */
export const backtestSchema = z
  .object({
    base: digest('The policy that it replaces'),
    candidate: digest('The proposed policy'),
    since: instant('From when on recorded requests are looked at'),
    until: instant('Up to when'),
    evaluations: count('How many evaluations were held against both policies'),
    is_whole: flag('All that are on record were looked at. False: the oldest ones, since there is a limit'),
    fault: text('Why it ended early by a fault').nullable(),
    flows: z.array(flowSchema).describe('How often which effect becomes which. Nine of them'),
    loosened: count('How many would be looser'),
    tightened: count('How many would be stricter'),
    unsatisfiable: count('How many nobody could approve'),
    unsatisfiable_before: count('The same for the policy that it replaces'),
    insufficient: count('How many were approved by people who would not be enough'),
    facts_erased: count('How many were left out because their facts were erased'),
    differences: z
      .array(differenceSchema)
      .describe('Looser ones first, 20 at most of each kind, and only those of which you may see everything'),
    withheld: count('How many of those are left out because you may not see everything of them'),
  })
  .describe('What a proposed policy would have said of recorded requests')
  .register(NAMES, { id: 'PolicyBacktest' });

export type ProposedPolicies = z.infer<typeof proposalListSchema>;
export type ProposalState = z.infer<typeof stateSchema>;
export type PolicyComparison = z.infer<typeof comparisonSchema>;
export type PolicyBacktest = z.infer<typeof backtestSchema>;
