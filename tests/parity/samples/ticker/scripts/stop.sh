#!/bin/sh
if [ -f /var/opt/ticker.pid ]; then
  kill "$(cat /var/opt/ticker.pid)"
  rm /var/opt/ticker.pid
fi
