import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A policy may say which group of a provider one of its groups is, by the id that the provider has for it. A group that
 * was brought before, under the same name, is not taken for that one: the policy is refused until one of both is changed.
 */
export class BoundGroups1765150000000 implements MigrationInterface {
  readonly name = 'BoundGroups1765150000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [REFUSE, APPLY, REVOKE]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('The migration of bound groups cannot be undone.');
  }
}

const SAFE = 'set search_path = pg_catalog, pg_temp';

const REFUSE = `
  create function keyturn.refuse_other_groups(body jsonb) returns void language plpgsql ${SAFE} as $$
  declare other record;
  begin
    select known.group_id, known.authority, wanted.value ->> 'external_id' as bound into other
      from jsonb_array_elements(body -> 'groups') wanted join keyturn.scim_group known
        on (known.group_id, known.authority) = (wanted.value ->> 'id', wanted.value ->> 'authority')
      where wanted.value ? 'external_id' and known.deleted_at is null
        and known.external_id is distinct from wanted.value ->> 'external_id'
      order by 1 limit 1;
    if found then
      raise exception 'the group % that % has brought is not the one with the external id %',
        other.group_id, other.authority, to_jsonb(other.bound) using errcode = 'KT001';
    end if;
  end $$`;

/** As before, but for the groups that are bound. */
const APPLY = `
  create or replace function keyturn.apply_file_directory(body jsonb, instant timestamptz) returns jsonb
  language plpgsql ${SAFE} as $$
  declare counts jsonb;
  begin
    perform keyturn.refuse_other_groups(body);
    counts := jsonb_build_object('people', keyturn.file_people(body, instant));
    counts := counts || jsonb_build_object('agents', keyturn.file_agents(body, instant));
    counts := counts || jsonb_build_object('accounts', keyturn.file_accounts(body, instant));
    counts := counts || jsonb_build_object('groups', keyturn.file_groups(body, instant));
    counts := counts || jsonb_build_object('memberships', keyturn.file_memberships(body, instant));
    if exists (select from jsonb_each(counts) where value::int > 0) then
      perform keyturn.count_directory_change(instant);
    end if;
    return counts;
  end $$`;

const REVOKE = 'revoke execute on function keyturn.refuse_other_groups from public';
