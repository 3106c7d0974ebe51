#!/bin/sh
# As many do: in the background, and stdout stays open.
/var/opt/ticker/ticker &
echo $! >/var/opt/ticker.pid
