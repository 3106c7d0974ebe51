#!/bin/sh
# Copies what has to last into a folder: the database, and the bundles where they lie in the volume
# of this stack. The secrets are not in it: keep deploy/secrets elsewhere than this.
#   deploy/backup.sh FOLDER
set -eu
folder=$(mkdir -p -m 0700 "${1:?which folder?}" && cd "$1" && pwd)
cd "$(dirname "$0")"
compose() { ${TIDEGATE_COMPOSE:-docker compose} "$@"; }

# The database first: what it speaks of was in the store before.
compose exec -T postgres pg_dump -U tidegate -d tidegate --format=custom >"$folder/tidegate.dump.part"
compose exec -T api tar -C /var/lib/tidegate/artifacts -cf - . >"$folder/artifacts.tar.part"
mv "$folder/tidegate.dump.part" "$folder/tidegate.dump"
mv "$folder/artifacts.tar.part" "$folder/artifacts.tar"
echo "The backup is in $folder"
