import type { MigrationInterface, QueryRunner } from 'typeorm';

import { CLAIMS_FUNCTIONS } from './10-claims-functions.ts';

/** Groups whose members are seen in the tokens that people sign in with. */
export class Claims1764770000000 implements MigrationInterface {
  readonly name = 'Claims1764770000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...CLAIMS_FUNCTIONS, ...GRANTS]) await runner.query(statement);
  }

  /** Who was in a group when is part of the record. */
  async down(): Promise<void> {
    throw new Error('What was seen in claims cannot be undone: requests are judged by it.');
  }
}

const TABLES = [
  // What tokens call the group, and how long the word of one counts. Part of the interval: others make another one.
  `alter table keyturn.directory_group add column claim text, add column maximum_age interval,
     add constraint directory_group_claim check ((authority like 'claims:%') = (claim is not null)
       and (claim is null) = (maximum_age is null))`,
  // A membership that ends by itself unless it is seen again. Readers leave it out from then on, also when nobody
  // wrote that it ended.
  `alter table keyturn.membership add column lapses_at timestamptz`,
  // The newest token of an account: only one that was issued later can say more. \`claim_digest\` is of the whole list,
  // null when two tokens of one second said different things; \`listed\` is what of it policy asked for.
  `create table keyturn.claims_seen (
     issuer text not null, subject text not null, primary key (issuer, subject),
     person text not null references keyturn.person, issued_at timestamptz not null,
     claim_digest text, listed text[] not null, seen_at timestamptz not null)`,
];

/** The worker needs nothing of it: what it judges by is in the memberships. */
const GRANTS = [`grant execute on function keyturn.see_claims(jsonb, text) to keyturn_api`];
