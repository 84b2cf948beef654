"""Django's entry: registers the checks that only Django can make."""

from __future__ import annotations

from django.apps import AppConfig


class CoursysOpsConfig(AppConfig):
    """The app. Starting it looks at nothing and connects to nothing."""

    name = "coursys_ops.django"
    label = "coursys_ops"
    verbose_name = "Deployment checks"

    def ready(self) -> None:
        """Registers the checks of this app, and the system check where the settings ask for it."""
        from . import conf, system_check
        from .checks import register_all

        options = conf.options()
        register_all()
        if options.system_check:
            system_check.register()
