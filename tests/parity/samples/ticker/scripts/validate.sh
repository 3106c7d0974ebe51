#!/bin/sh
kill -0 "$(cat /var/opt/ticker.pid)"
