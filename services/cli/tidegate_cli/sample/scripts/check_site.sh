#!/bin/sh
# Ask the site for its page, as a visitor would. If it is not served, the deployment has failed.
exec python3 "$SITE_ROOT/app/check.py"
