#!/bin/sh
# Stop the server that start_site.sh started. SITE_ROOT is a variable of the host.
set -eu

pid_file="$SITE_ROOT/server.pid"

command_of() {
    if [ -d /proc/self ]; then
        tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline"
    else
        ps -p "$1" -o command=
    fi
}

# A pid that was reused belongs to somebody else: only our own server is stopped.
runs() {
    command_of "$1" 2>/dev/null | grep -qF "$SITE_ROOT/app/serve.py"
}

if ! pid=$(cat "$pid_file" 2>/dev/null) || ! runs "$pid"; then
    echo "No site is running."
    rm -f "$pid_file"
    exit 0
fi

kill "$pid"
tries=0
while runs "$pid"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then
        echo "The site (pid $pid) does not stop." >&2
        exit 1
    fi
    sleep 0.05
done
rm -f "$pid_file"
echo "The site (pid $pid) was stopped."
