#!/bin/sh
# The site: Python at /venv, a git clone at /coursys with its upstream, containers, tables, rows and the index.
# Argument: where the virtual environment was made, a path that its programs still name.
set -eu
made=$1

as_coursys() {
    setpriv --reuid=coursys --regid=coursys --init-groups env -i HOME=/home/coursys USER=coursys \
        PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=en_CA.UTF-8 "$@"
}

grep --recursive --files-with-matches --fixed-strings "$made" /venv/bin /venv/pyvenv.cfg |
    xargs --no-run-if-empty sed --in-place "s|$made|/venv|g"

install -d -o coursys -g coursys /srv/upstream.git
chown --recursive coursys:coursys /coursys /opt/static /opt/config
cd /coursys
as_coursys git init --quiet --bare --initial-branch master /srv/upstream.git
as_coursys git init --quiet --initial-branch master
as_coursys git config user.name Fixture
as_coursys git config user.email fixture@coursys.test
as_coursys git remote add origin file:///srv/upstream.git
as_coursys git add --all -- . ':!moss'
as_coursys git commit --quiet --message 'The site'
as_coursys git push --quiet --set-upstream origin master
as_coursys git fetch --quiet
# As on the real server: ignored there by the repository, changed on purpose, unknown to git.
printf '%s\n' /moss/ /.env '/celerybeat-schedule*' >.git/info/exclude
as_coursys tee this_is_production.txt >/dev/null <<TEXT
This is the production site.
TEXT
as_coursys tee deploy/run-list.json >/dev/null <<TEXT
{
  "run_list": ["recipe[coursys]", "recipe[coursys::production]"]
}
TEXT

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
