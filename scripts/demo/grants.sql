-- What Keyturn's roles may do in the shop. The statements of agents run as shop_writer: it can neither change the
-- tables themselves nor touch the audit trail.
grant select, insert, update, delete on customer, account, purchase to shop_writer;
grant select on customer, account, purchase, account_audit to keyturn_observer;
