"""What the tests of bit-fields and of the index share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "django"))

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from harness import Case, coursys_ops, fake_native, override_settings, shown  # noqa: E402
from panel_site.models import Offering  # noqa: E402

__all__ = ["Case", "Offering", "WithTables", "call_command", "coursys_ops", "fake_native", "override_settings", "shown"]


class WithTables(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if Offering._meta.db_table not in connection.introspection.table_names():
            call_command("migrate", run_syncdb=True, verbosity=0)

    def setUp(self):
        super().setUp()
        Offering.objects.all().delete()
