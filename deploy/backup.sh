#!/bin/sh
# Copies what has to last into a folder: the database, and the bundles where they lie in the volume
# of this stack. The secrets are not in it: keep deploy/secrets elsewhere than this.
#   deploy/backup.sh FOLDER
set -eu
# Whoever reads a backup reads logs, variables and the digests of tokens.
umask 077
folder=$(mkdir -p "${1:?which folder?}" && cd "$1" && pwd)
cd "$(dirname "$0")"
compose() { ${TIDEGATE_COMPOSE:-docker compose} "$@"; }

# The database first: what it speaks of was in the store before.
compose exec -T postgres pg_dump -U tidegate -d tidegate --format=custom >"$folder/tidegate.dump.part"
# A bundle never changes once it has its name. That one came or went meanwhile, which tar tells by 1,
# is no reason to have no backup.
compose exec -T api sh -c 'tar -C /var/lib/tidegate/artifacts --exclude="*.part" -cf - . || [ $? -eq 1 ]' \
  >"$folder/artifacts.tar.part"
mv "$folder/tidegate.dump.part" "$folder/tidegate.dump"
mv "$folder/artifacts.tar.part" "$folder/artifacts.tar"
echo "The backup is in $folder"
