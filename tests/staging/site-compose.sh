#!/bin/sh
# The site of layout `compose`: its image, containers, tables, rows and the index.
set -eu

as_coursys() {
    setpriv --reuid=coursys --regid=coursys --init-groups env -i HOME=/home/coursys USER=coursys \
        PATH=/usr/local/bin:/usr/bin:/bin LANG=en_CA.UTF-8 "$@"
}

# Docker's first start was without our configuration, and left rules behind that let nothing through.
iptables --policy FORWARD ACCEPT
iptables --flush FORWARD
# As at every start from now on.
sysctl --quiet --load /etc/sysctl.d/staging.conf
chown coursys:coursys /data/csrpt_auth/*
cd /coursys
# The builder that needs no plugin.
as_coursys env DOCKER_BUILDKIT=0 docker build --quiet --tag coursys-app --file docker/app.Dockerfile .
if ! as_coursys docker compose --ansi never up --detach --wait rabbitmq elasticsearch memcached; then
    as_coursys docker compose --ansi never logs --tail 30
    exit 1
fi
as_coursys docker compose --ansi never run --rm --no-TTY --entrypoint /venv/bin/python manage setup_site.py
as_coursys docker compose --ansi never up --detach
