#!/bin/sh
set -e
echo "$DEPLOYMENT_ID" >/var/lib/orders/queue/started-by-$(id -un)
