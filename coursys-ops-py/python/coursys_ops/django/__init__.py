"""The Django app: the site's checks as a management command, a panel page, a health view and a Celery task.

`INSTALLED_APPS += ["coursys_ops.django"]` is all that it needs; `conf.py` says what `COURSYS_OPS` may hold.
"""
