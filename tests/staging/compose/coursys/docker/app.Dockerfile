FROM coursys-staging/python
COPY . /coursys
RUN /usr/sbin/useradd --uid 1001 --home-dir /home/coursys --create-home coursys \
    && install --owner=coursys --directory /static /csrpt_auth /db_backups /submitted_files /dynamic_config \
        /celery_logs /status
WORKDIR /coursys
USER coursys
