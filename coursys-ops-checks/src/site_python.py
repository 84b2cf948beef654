from django.conf import settings as _settings
from django.core import checks as _checks


def _name(thing):
    """What Django's own command calls the object of a complaint."""
    if thing is None:
        return None
    label = getattr(getattr(thing, "_meta", None), "label", None)
    return str(label or thing)


answer = settings_of(_settings)
# Everything is loaded when the checks run; those that ask a database or are for deployments only are left out.
answer["complaints"] = [
    {"level": int(_one.level), "id": _one.id, "message": str(_one.msg), "hint": _one.hint and str(_one.hint), "about": _name(_one.obj)}
    for _one in _checks.run_checks()
    if not _one.is_silenced()
]
import platform as _platform

import django as _django

answer["versions"] = "Python " + _platform.python_version() + ", Django " + _django.get_version()
