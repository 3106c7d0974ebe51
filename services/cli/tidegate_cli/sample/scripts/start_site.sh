#!/bin/sh
# Start the site in the background; it goes on when this script has ended.
set -eu

nohup python3 "$SITE_ROOT/app/serve.py" >>"$SITE_ROOT/server.log" 2>&1 </dev/null &
echo "$!" >"$SITE_ROOT/server.pid"
echo "The site starts on port $SITE_PORT with pid $!."
