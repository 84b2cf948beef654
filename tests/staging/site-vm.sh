#!/bin/sh
# The site of layout `vm`: Python at /venv, containers, tables, rows and the index.
# Argument: where the virtual environment was made, a path that its programs still name.
set -eu

as_coursys() {
    setpriv --reuid=coursys --regid=coursys --init-groups env -i HOME=/home/coursys USER=coursys \
        PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=en_CA.UTF-8 "$@"
}

/usr/local/lib/staging/move-environment "$1" /venv
chown --recursive coursys:coursys /opt/static /opt/config
cd /coursys
as_coursys docker-compose --ansi never up -d
# The ports are open before anybody listens behind them.
wait_for() {
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    echo "no answer: $*" >&2
    as_coursys docker-compose --ansi never logs --tail 30 >&2
    return 1
}
wait_for curl --fail --silent http://127.0.0.1:9200/_cluster/health
wait_for bash -c 'exec 3<>/dev/tcp/127.0.0.1/5672; printf "AMQP\0\0\11\1" >&3; test "$(head -c 1 <&3 | wc -c)" = 1'
as_coursys /venv/bin/python setup_site.py
