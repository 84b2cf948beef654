"""The functions of the site's `coredata/panel.py` of either era, so that it can become a few imports:

from coursys_ops.django.panel import *  # noqa: F401,F403
"""

from .files import check_file_create, check_free_space
from .info import csrpt_info, environ_info, git_branch, git_revision, pip_info, settings_info
from .library import bitfield_check, cache_check
from .mail import send_test_email
from .processes import ps_info
from .queue_info import celery_info
from .sanity import Unhealthy, deploy_checks, health_check, sanity_checks

__all__ = [
    "Unhealthy",
    "bitfield_check",
    "cache_check",
    "celery_info",
    "check_file_create",
    "check_free_space",
    "csrpt_info",
    "deploy_checks",
    "environ_info",
    "git_branch",
    "git_revision",
    "health_check",
    "pip_info",
    "ps_info",
    "sanity_checks",
    "send_test_email",
    "settings_info",
]
