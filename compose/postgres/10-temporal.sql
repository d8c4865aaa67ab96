-- Run once by the image, with psql, when the data folder is made: an owner that is no superuser for Temporal's databases,
-- and nobody else can connect to them.

\set temporal_password `cat /run/secrets/temporal_database_password`

create role temporal login password :'temporal_password';
create database temporal owner temporal;
create database temporal_visibility owner temporal;
revoke connect, temporary on database temporal, temporal_visibility, postgres, template1 from public;
