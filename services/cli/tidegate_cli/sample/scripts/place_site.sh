#!/bin/sh
# Put the new files where the host keeps its site. DEPLOYMENT_ARCHIVE is where the bundle lies.
set -eu

mkdir -p "$SITE_ROOT"
rm -rf "$SITE_ROOT/app"
cp -R "$DEPLOYMENT_ARCHIVE/app" "$SITE_ROOT/app"
echo "Deployment $DEPLOYMENT_ID is in $SITE_ROOT/app."
