#!/bin/sh
# The site's code as a git clone with an upstream on this server, and the differences that a real one has.
set -eu

as_coursys() {
    setpriv --reuid=coursys --regid=coursys --init-groups env -i HOME=/home/coursys USER=coursys \
        PATH=/usr/local/bin:/usr/bin:/bin LANG=en_CA.UTF-8 "$@"
}

install -d -o coursys -g coursys /srv/upstream.git
chown --recursive coursys:coursys /coursys
cd /coursys
as_coursys git init --quiet --bare --initial-branch master /srv/upstream.git
as_coursys git init --quiet --initial-branch master
# The real repository ignores these by a file of its own.
printf '%s\n' /moss/ /.env /secrets/ '/celerybeat-schedule*' >.git/info/exclude
as_coursys git config user.name Fixture
as_coursys git config user.email fixture@coursys.test
as_coursys git remote add origin file:///srv/upstream.git
as_coursys git add --all
as_coursys git commit --quiet --message 'The site'
as_coursys git push --quiet --set-upstream origin master
as_coursys git fetch --quiet
# As on the real server: changed on purpose, unknown to git.
as_coursys tee this_is_production.txt >/dev/null <<TEXT
This is the production site.
TEXT
as_coursys tee deploy/run-list.json >/dev/null <<TEXT
{
  "run_list": ["recipe[coursys]", "recipe[coursys::production]"]
}
TEXT
