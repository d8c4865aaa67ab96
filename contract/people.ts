import { z } from 'zod';

import { NAMES } from './names.ts';
import { count, flag, logInstant, nextCursor, pageCursor, pageLimit, text, texts } from './values.ts';

const authority = text(
  'Who says so: `file` (the policy), `scim:NAME` (provisioning), `claims:ISSUER` (tokens of an issuer) or `links` (people who linked their accounts)',
);

/** GET /v1/people */
export const peopleQuerySchema = z.strictObject({
  q: z.string().max(200).optional().describe('Only those whose id, name or account contains this text'),
  limit: pageLimit(50),
  cursor: pageCursor,
});

const standingSchema = z
  .object({
    authority,
    name: text('Name by this authority'),
    is_active: flag('Active by this authority'),
    since: logInstant('Since when it says so').nullable().describe('Since when it says so. Null: not known'),
  })
  .describe('What one authority says of a person')
  .register(NAMES, { id: 'PersonStanding' });

const personLine = {
  id: text('Id in the directory'),
  name: text('Name in the directory. Names can be alike'),
  is_active: flag('Active: when no authority that knows the person denies it'),
  standings: z.array(standingSchema).describe('What each authority says'),
  passkeys: count('Passkeys that are not revoked. With none of them there is no decision of grade A'),
  agents: texts('Ids of the agents that the person answers for'),
  warnings: texts('What is off, in words'),
};

const personLineSchema = z
  .object(personLine)
  .describe('A person of the directory')
  .register(NAMES, { id: 'PersonLine' });

/** People, by id. */
export const peoplePageSchema = z
  .object({ items: z.array(personLineSchema).describe('People, by id'), next_cursor: nextCursor })
  .describe('A page of people')
  .register(NAMES, { id: 'PeoplePage' });

const accountSchema = z
  .object({
    issuer: text('The `iss` of its tokens'),
    subject: text('The `sub` of its tokens'),
    authority,
    since: logInstant('Since when it belongs to the person')
      .nullable()
      .describe('Since when it belongs to the person. Null: not known'),
  })
  .describe('An account of a person')
  .register(NAMES, { id: 'KnownAccount' });

const membershipSchema = z
  .object({
    id: text('Id of the group'),
    authority,
    through: texts(
      'The groups from the one that names the person to this one. One alone: the person is named in it',
    ),
    since: logInstant('Since when the first of these groups names the person')
      .nullable()
      .describe('Since when the first of these groups names the person. Null: not known'),
    seen_at: logInstant('When the token was issued that named the group')
      .nullable()
      .describe('Of a group from tokens: when the token was issued that named it. Null: of another one'),
    counts_until: logInstant('Until when that token counts')
      .nullable()
      .describe('Until when that token counts. Null: until somebody changes it'),
  })
  .describe('How a person is in a group')
  .register(NAMES, { id: 'PersonMembership' });

const namingSchema = z
  .object({
    id: text('Id of the rule'),
    scope: text('What it does, and to what, in words'),
    when: z.string().nullable().describe('Its condition (CEL). Null: always'),
    source: text('File and line of the rule'),
    by: texts('Its selectors that name the person'),
  })
  .describe('A rule that asks the person')
  .register(NAMES, { id: 'PersonRule' });

const changeSchema = z
  .object({
    at: logInstant('When'),
    what: z.enum(['standing', 'account', 'membership']).describe('Which kind of fact'),
    value: text('The name, the account or the group'),
    authority: authority.nullable().describe('Who said so. Null: the authority of the group'),
    is_end: flag('It ceased to hold. Else it began to'),
    entry: z
      .string()
      .nullable()
      .describe('The entry of the audit log. Null: time alone ended it, or nothing was recorded'),
  })
  .describe('A change of what is known of a person')
  .register(NAMES, { id: 'PersonChange' });

/** GET /v1/people/:id */
export const personSchema = z
  .object({
    ...personLine,
    accounts: z.array(accountSchema).describe('All of them count as one person'),
    groups: z.array(membershipSchema).describe('Groups, nested ones included'),
    rules: z.array(namingSchema).describe('Rules of the active policy that name the person at any step'),
    owns: texts('Ids of the targets that the person owns: rules ask `owners` for them'),
    is_operator: flag('Named by `operators:` of the active policy'),
    is_auditor: flag('Named by `auditors:` of the active policy'),
    changes: z.array(changeSchema).describe('The last 20 changes, newest first'),
  })
  .describe('What the server knows of a person, and by whom')
  .register(NAMES, { id: 'PersonView' });

export type PersonLine = z.infer<typeof personLineSchema>;
export type PeoplePage = z.infer<typeof peoplePageSchema>;
export type PersonView = z.infer<typeof personSchema>;
