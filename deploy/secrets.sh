#!/bin/sh
# Makes what deploy/compose.yml wants as secrets, each in a file of its own; what is there stays.
#   deploy/secrets.sh            before the first start
#   deploy/secrets.sh metrics    once the system is up, for deploy/compose.monitoring.yml
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# Where compose looks for them: by the environment, by .env, or beside this.
named=$(sed -nE 's/^(export +)?TIDEGATE_SECRETS=//p' "$here/.env" 2>/dev/null | tail -n 1 |
  sed -E 's/[[:space:]]+(#.*)?$//' | tr -d "\"'")
folder=${TIDEGATE_SECRETS:-$named}
case ${folder:=./secrets} in /*) ;; *) folder=$here/$folder ;; esac

# The folder is closed to all but its owner. The files are open, as containers read them as users
# of their own, into which each file is mounted by itself.
mkdir -p "$folder"
chmod 0700 "$folder"
umask 022

random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

keep() { # keep NAME: what comes in, unless the file holds something
  [ -s "$folder/$1" ] || cat >"$folder/$1"
}

if [ "${1:-}" = metrics ]; then
  cd "$here"
  token=$(${TIDEGATE_COMPOSE:-docker compose} exec -T api tidegate token create --role viewer --json |
    sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
  [ -n "$token" ] || { echo "No token came back: is the API up?" >&2; exit 1; }
  # In place: the container has this very file mounted.
  printf '%s\n' "$token" >"$folder/metrics_token"
  echo "Prometheus has its token: $folder/metrics_token"
  exit
fi

random | keep postgres_password
random | keep redis_password
random | keep rabbitmq_password
random | keep secret_key
random | keep webhook_secret
random | keep flower_password
random | keep grafana_password
postgres=$(cat "$folder/postgres_password")
redis=$(cat "$folder/redis_password")
rabbitmq=$(cat "$folder/rabbitmq_password")

echo "postgresql+psycopg://tidegate:$postgres@postgres/tidegate" | keep database_url
echo "redis://tidegate:$redis@redis:6379/0" | keep broker_url
echo "amqp://tidegate:$rabbitmq@rabbitmq:5672//" | keep amqp_url
# All that a broker has to be able to do, and nothing else; the password as its digest only.
digest=$(printf %s "$redis" | sha256sum | cut -d ' ' -f 1)
printf 'user default off\nuser tidegate on #%s ~tidegate:* &* +@all -@admin -@dangerous\n' "$digest" |
  keep redis_acl
printf 'default_user = tidegate\ndefault_pass = %s\nlog.console = true\nlog.file = false\n' "$rabbitmq" |
  keep rabbitmq_conf

if [ ! -s "$folder/ssh_key" ]; then
  ssh-keygen -q -t ed25519 -N '' -C tidegate -f "$folder/ssh_key"
fi
# Empty until there is something to put into them.
for name in aws_credentials metrics_token prometheus_token; do
  [ -e "$folder/$name" ] || : >"$folder/$name"
done
# Also what was put here by hand, as keys that others gave are closed to containers.
chmod 0644 "$folder"/*
echo "The secrets are in $folder; hosts have to let in $folder/ssh_key.pub"
