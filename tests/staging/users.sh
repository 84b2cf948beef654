#!/bin/sh
# Accounts and directories. Argument: the layout.
# The site's account cannot log in; as a member of `docker` it is as good as root.
set -eu

useradd --uid 1000 --create-home --shell /bin/bash --groups sudo,adm admin
useradd --uid 1001 --create-home --shell /usr/sbin/nologin --groups docker coursys
useradd --uid 1002 --create-home --shell /bin/bash visitor
chmod 0755 /home/coursys

directory() {
    install -d -o "$1" -g "$1" -m "$2" "$3"
}
directory coursys 0755 /coursys
directory root 0755 /data
directory coursys 0700 /home/coursys/kerberos
chmod 0440 /etc/sudoers.d/staging

case "$1" in
vm)
    for name in static config logs nginx-logs; do
        directory coursys 0755 "/opt/$name"
    done
    directory coursys 0755 /opt/run/celery
    directory root 0755 /var/log/celery
    directory coursys 0755 /filestore/prod/submitted_files
    directory coursys 0755 /filestore/prod/db_backup
    echo coursys >/etc/cron.allow
    cd /var/spool/cron/crontabs
    chown root:crontab root
    chown coursys:crontab coursys
    chmod 0600 root coursys
    ;;
compose)
    for name in nginx_logs celery_logs dynamic_config submitted_files db_backups; do
        directory coursys 0755 "/data/$name"
    done
    directory coursys 0700 /data/csrpt_auth
    directory coursys 0700 /coursys/secrets
    # It is a container here.
    systemctl --quiet disable --now nginx
    ;;
esac
