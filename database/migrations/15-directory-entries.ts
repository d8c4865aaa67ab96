import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Entries stand where they belong, and an authority lets go only of groups that are still its own. */
export class DirectoryEntries1764820000000 implements MigrationInterface {
  readonly name = 'DirectoryEntries1764820000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [PLACE, APPEND, OWN_MEMBERSHIPS, PRIVATE, RESERVE, LEAVE, WRITE_GROUP])
      await runner.query(statement);
  }

  /** The earlier functions let the role of the API end the chain for good. */
  async down(): Promise<void> {
    throw new Error('The migration of directory entries cannot be undone: forged entries could not, either.');
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

/**
 * Ids are unique in the whole log and entries stay for ever: whoever may write entries of one stream must not be able to
 * take the id that an entry of another one will need. Entries of before are not asked about.
 */
const PLACE = `
  alter table audit.entry add constraint entry_id_names_its_stream
    check (starts_with(event_id, request || '/')) not valid`;

/** The caller writes the text, so it is checked to be the next one of the chain, as for kill switches and proposals. */
const APPEND = `
  create or replace function keyturn.append_directory_leaf(by text, leaf text) returns void
  language plpgsql ${SAFE} as $$
  declare
    body jsonb := leaf::jsonb;
    last_n int; last_leaf text;
  begin
    select entry.n, entry.leaf into last_n, last_leaf from audit.entry
      where entry.request = 'directory' and entry.run_id = 'directory' order by entry.n desc limit 1;
    if by !~ '^(scim|claims):.'
      or body -> 'stream' is distinct from '{"request": "directory", "run": "directory"}'::jsonb
      or body ->> 'type' is distinct from 'directory.changed'
      or body -> 'facts' ->> 'authority' is distinct from by
      or body -> 'actor' ->> 'kind' is distinct from 'system'
      or (body ->> 'n')::int is distinct from coalesce(last_n + 1, 0)
      or body ->> 'prev' is distinct from
        'sha256:' || encode(sha256(convert_to(last_leaf, 'UTF8')), 'hex') then
      raise exception 'not the next entry about the directory';
    end if;
    insert into audit.entry (leaf) values (leaf);
  end $$`;

/** Open memberships of groups that the authority has now: a name that it once had may be somebody else's today. */
const OWN_MEMBERSHIPS = `
  create function keyturn.memberships_of_authority(by text) returns setof keyturn.membership
  language sql stable ${SAFE} as $$
    select one.* from keyturn.membership one join keyturn.directory_group owner using (group_id)
    where one.valid_to is null and owner.valid_to is null and owner.authority = by
  $$`;

const PRIVATE = 'revoke execute on function keyturn.memberships_of_authority from public';

/** As all other functions that act as the owner: else temporary tables would come first. */
const RESERVE = `
  alter function keyturn.reserve_window(text, text, text, bigint, timestamptz, timestamptz)
    set search_path = pg_catalog, pg_temp`;

const LEAVE = `
  create or replace function keyturn.scim_leave(by text, leaver text, instant timestamptz) returns int
  language plpgsql ${SAFE} as $$
  declare closed int;
  begin
    update keyturn.membership set valid_to = instant
      where id in (select own.id from keyturn.memberships_of_authority(by) own where own.person = leaver);
    get diagnostics closed = row_count;
    return closed;
  end $$`;

const WRITE_GROUP = `
  create or replace function keyturn.write_scim_group(by text, wanted jsonb, leaf text) returns void
  language plpgsql security definer ${SAFE} as $$
  declare instant timestamptz := keyturn.next_directory_instant(); changes int; gone timestamptz;
  begin
    gone := case when (wanted ->> 'is_deleted')::boolean then instant end;
    insert into keyturn.scim_group as known (id, authority, group_id, display_name, external_id, created_at,
        modified_at, deleted_at)
      values (wanted ->> 'id', by, wanted ->> 'group_id', wanted ->> 'display_name', wanted ->> 'external_id',
        instant, instant, gone)
      on conflict (id) do update set display_name = excluded.display_name, external_id = excluded.external_id,
        modified_at = instant, deleted_at = gone
        where known.authority = by and known.group_id = excluded.group_id and known.deleted_at is null;
    if not found then
      raise exception 'the group is not of this authority' using errcode = 'KT001';
    end if;
    changes := keyturn.scim_take_group(by, wanted, instant) + keyturn.scim_members(by, wanted, instant);
    if gone is not null then
      update keyturn.membership set valid_to = instant
        where id in (select own.id from keyturn.memberships_of_authority(by) own
          where wanted ->> 'group_id' in (own.group_id, own.member_group));
      changes := changes + 1;
    end if;
    if changes > 0 then
      perform keyturn.count_directory_change(instant);
    end if;
    perform keyturn.append_directory_leaf(by, leaf);
  end $$`;
