#!/bin/sh
set -e
cp /var/lib/orders/schema.sql /var/lib/orders/schema.applied
id -un
