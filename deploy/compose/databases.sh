#!/bin/bash
# A database and two roles for each service that has passwords in the environment (LEAD_OWNER_PASSWORD, LEAD_APP_PASSWORD …).
# Postgres runs this on an empty volume. It may be run again, for a new service or after new passwords:
#   docker compose exec postgres bash /docker-entrypoint-initdb.d/databases.sh
set -euo pipefail
for name in $(compgen -e | sed -n 's/_OWNER_PASSWORD$//p'); do
  owner_password="${name}_OWNER_PASSWORD" app_password="${name}_APP_PASSWORD"
  # Through the environment: the arguments of a process are there for all to see.
  export OWNER_PASSWORD="${!owner_password:?}" APP_PASSWORD="${!app_password:?}"
  psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 -v db="millrace_${name,,}" -U "${POSTGRES_USER:-postgres}" -d postgres <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\set owner :db _owner
\set app :db _app
SELECT format('CREATE ROLE %I', role) FROM (VALUES (:'owner'), (:'app')) AS wanted (role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE :"owner" LOGIN PASSWORD :'owner_password';
ALTER ROLE :"app" LOGIN PASSWORD :'app_password';
SELECT format('CREATE DATABASE %I OWNER %I', :'db', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') \gexec
REVOKE ALL ON DATABASE :"db" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"db" TO :"app";
SQL
done
