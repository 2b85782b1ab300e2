#!/bin/sh
# Makes the database on first use, then starts Postgres: the variables are those of the image `postgres`.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?error: set POSTGRES_PASSWORD}"
  user=${POSTGRES_USER:-postgres}
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username="$user" --auth-host=scram-sha-256 --auth-local=trust --pwfile=/tmp/password >/dev/null
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  pg_ctl -w start -o "-c listen_addresses= -k /tmp" >/dev/null
  [ "${POSTGRES_DB:-postgres}" = postgres ] || createdb -h /tmp -U "$user" "$POSTGRES_DB"
  pg_ctl -w stop >/dev/null
fi
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/tmp
