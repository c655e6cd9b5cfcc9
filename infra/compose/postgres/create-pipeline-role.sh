#!/bin/sh
# Runs once, in an empty Postgres container. The pipeline's role is no superuser: it may replicate, and it owns its
# database, because only a table's owner can put the table into a publication.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --set=password="$TAILRACE_PASSWORD" <<'SQL'
CREATE ROLE tailrace LOGIN REPLICATION PASSWORD :'password';
CREATE DATABASE pursuit OWNER tailrace;
SQL
