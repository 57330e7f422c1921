#!/bin/bash
# Runs once in the Postgres container, on an empty volume: a database and two roles for each service.
set -euo pipefail
for service in identity lead account opportunity cpq billing insight; do
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -v owner="millrace_${service}_owner" -v app="millrace_${service}_app" -v db="millrace_${service}" -v password="$DATABASE_PASSWORD" <<'SQL'
CREATE ROLE :"owner" LOGIN PASSWORD :'password';
CREATE ROLE :"app" LOGIN PASSWORD :'password';
CREATE DATABASE :"db" OWNER :"owner";
REVOKE ALL ON DATABASE :"db" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"db" TO :"app";
SQL
done
