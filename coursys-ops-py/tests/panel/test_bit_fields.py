"""The check of bit-fields finds queries that find too little or too much."""

from unittest import mock

from tables import Offering, WithTables, shown

from coursys_ops.django import checks, library, panel


class BitFields(WithTables):
    def test_a_table_without_rows_is_well(self):
        assert shown(checks.bit_fields()) == [("passed", "ok")]

    def test_queries_that_find_what_they_should_are_well(self):
        for flags in (0, 1, 2, 3):
            Offering.objects.create(title="x", flags=flags)
        assert shown(checks.bit_fields()) == [("passed", "ok")]
        assert panel.bitfield_check() is None

    def test_queries_that_find_nothing_are_failed(self):
        Offering.objects.create(title="x", flags=1)
        with mock.patch("django.db.models.query.QuerySet.exists", return_value=False):
            finding = checks.bit_fields()
        assert shown(finding) == [("failed", "wrong_answer")] and "panel_site.Offering.flags" in finding.message

    def test_queries_that_find_too_much_are_failed(self):
        for flags in (0, 1):
            Offering.objects.all().delete()
            Offering.objects.create(title="x", flags=flags)
            with mock.patch("django.db.models.query.QuerySet.exists", return_value=True):
                assert shown(checks.bit_fields()) == [("failed", "wrong_answer")]

    def test_no_row_is_made(self):
        checks.bit_fields()
        assert not Offering.objects.exists()

    def test_a_site_without_bit_fields_is_not_asked(self):
        with mock.patch.object(library, "bit_fields", return_value=iter(())):
            assert shown(checks.bit_fields()) == [("skipped", "not_in_layout")]
