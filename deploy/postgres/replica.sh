#!/bin/sh
# Runs a streaming replica of $PRIMARY_HOST; the first start copies the primary.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  pg_basebackup --host="$PRIMARY_HOST" --username="$PGUSER" --pgdata="$PGDATA" --wal-method=stream --checkpoint=fast \
    --write-recovery-conf
fi
exec postgres -D "$PGDATA" -c hot_standby_feedback=on -c shared_buffers=512MB
