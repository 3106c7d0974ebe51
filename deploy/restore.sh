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
compose exec -T postgres pg_restore -U tidegate -d tidegate --clean --if-exists --no-owner --exit-on-error \
  --single-transaction <"$folder/tidegate.dump"
compose run --rm --no-deps -T --entrypoint tar migrate -C /var/lib/tidegate/artifacts -xf - <"$folder/artifacts.tar"
compose up -d --wait
echo "The system is as it was when $folder was made"
