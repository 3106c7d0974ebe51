#!/bin/sh
# Brings back what deploy/backup.sh copied, in place of what is there now, and starts the stack.
#   deploy/restore.sh FOLDER
set -eu
folder=$(cd "${1:?which folder?}" && pwd)
cd "$(dirname "$0")"
compose() { ${TIDEGATE_COMPOSE:-docker compose} "$@"; }
for file in tidegate.dump artifacts.tar; do
  [ -s "$folder/$file" ] || { echo "There is no $folder/$file" >&2; exit 1; }
done

# Nobody writes meanwhile. Messages of before are worth nothing now.
compose stop api worker-control worker-traffic worker-hosts beat flower
compose up -d --wait postgres
# Into a database of its own, which takes the place of the old one when all is there: of a schema
# that is newer than the dump nothing may be left, and a dump that is broken costs nothing.
compose exec -T postgres dropdb -U tidegate --if-exists tidegate_restored
compose exec -T postgres createdb -U tidegate tidegate_restored
compose exec -T postgres pg_restore -U tidegate -d tidegate_restored --no-owner --exit-on-error <"$folder/tidegate.dump"
compose run --rm --no-deps -T --entrypoint tar migrate -C /var/lib/tidegate/artifacts -xf - <"$folder/artifacts.tar"
compose exec -T postgres dropdb -U tidegate --if-exists --force tidegate
compose exec -T postgres psql -U tidegate -d postgres -q -c 'ALTER DATABASE tidegate_restored RENAME TO tidegate'
compose up -d --wait
echo "The system is as it was when $folder was made"
