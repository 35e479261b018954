#!/bin/sh
# nginx.sh ADDRESS PORT WORKERS: nginx takes neither from its command line, so its configuration is
# filled in first. TMPDIR is this start's own folder, and the lab removes it.
set -eu
sed "s/HOST/$1/; s/PORT/$2/; s/WORKERS/$3/" nginx.conf >"$TMPDIR/nginx.conf"
exec nginx -p "$TMPDIR" -c nginx.conf -e stderr
