-- The database of a small shop: what the demo's agents ask to change. The same on every machine: nothing is random.
create table customer (
  id bigint primary key,
  name text not null,
  email text not null unique,
  country text not null,
  since date not null
);

create table account (
  id bigint primary key,
  customer_id bigint not null references customer,
  currency text not null default 'EUR',
  credit_limit numeric(12, 2) not null check (credit_limit >= 0),
  status text not null default 'open' check (status in ('open', 'frozen', 'closed')),
  updated_at timestamptz not null default now()
);

create table purchase (
  id bigint generated always as identity primary key,
  account_id bigint not null references account,
  placed_at timestamptz not null,
  item text not null,
  total numeric(12, 2) not null,
  status text not null check (status in ('placed', 'paid', 'shipped', 'refunded'))
);

create index purchase_by_account on purchase (account_id);

-- Who changed which account, and what it was before: written by a trigger, for every change. It writes with
-- the rights of its owner, so that nobody who may change accounts can also change this trail.
create table account_audit (
  id bigint generated always as identity primary key,
  account_id bigint not null,
  changed_at timestamptz not null default now(),
  changed_by text not null default session_user,
  field text not null,
  old_value text,
  new_value text
);

create function audit_account_change() returns trigger
  language plpgsql security definer set search_path = public as $$
begin
  if new.credit_limit is distinct from old.credit_limit then
    insert into account_audit (account_id, field, old_value, new_value)
    values (new.id, 'credit_limit', old.credit_limit::text, new.credit_limit::text);
  end if;
  if new.status is distinct from old.status then
    insert into account_audit (account_id, field, old_value, new_value)
    values (new.id, 'status', old.status, new.status);
  end if;
  return null;
end
$$;

create trigger account_audited after update on account
  for each row execute function audit_account_change();

insert into customer (id, name, email, country, since)
select n,
       first_name || ' ' || last_name,
       lower(first_name || '.' || last_name || n || '@example.com'),
       (array['DE', 'FR', 'NL', 'SE', 'PL', 'ES'])[1 + n % 6],
       date '2019-01-01' + (n * 13) % 2400
from generate_series(1, 240) as n,
     lateral (select (array['Anna', 'Bruno', 'Clara', 'David', 'Elif', 'Farid', 'Greta', 'Hugo', 'Ines', 'Jonas',
                            'Kaja', 'Leon', 'Maria', 'Nils', 'Oona', 'Pavel'])[1 + n % 16] as first_name,
                     (array['Almeida', 'Berg', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Horvat', 'Ivanov',
                            'Jansen', 'Kowalski', 'Larsen', 'Moreau', 'Novak', 'Olsen'])[1 + n % 15] as last_name) as names;

insert into account (id, customer_id, credit_limit, status, updated_at)
select 1000 + n,
       n,
       (array[500, 1000, 1500, 2500, 5000])[1 + n % 5],
       case when n % 40 = 0 then 'frozen' when n % 57 = 0 then 'closed' else 'open' end,
       timestamptz '2026-01-01 08:00:00+00' + n * interval '3 hours'
from generate_series(1, 240) as n;

insert into purchase (account_id, placed_at, item, total, status)
select 1001 + (n * 7) % 240,
       timestamptz '2026-03-01 09:00:00+00' + n * interval '5 hours 17 minutes',
       (array['Desk lamp', 'Bookshelf', 'Office chair', 'Standing desk', 'Rug', 'Plant pot'])[1 + n % 6],
       (array[39.90, 129.00, 249.50, 599.00, 89.95, 14.50])[1 + n % 6] * (1 + n % 3),
       (array['paid', 'shipped', 'shipped', 'placed', 'shipped', 'paid', 'refunded'])[1 + n % 7]
from generate_series(1, 1000) as n;

analyze;
