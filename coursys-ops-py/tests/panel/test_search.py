"""The checks of the index find what is wrong with a real one, in a directory, as in development."""

from unittest import mock

from tables import Offering, WithTables, call_command, fake_native, shown

from coursys_ops.django import search


class Search(WithTables):
    def fill(self, rows, indexed):
        for number in range(rows):
            Offering.objects.create(title=f"CMPT {number}")
        call_command("rebuild_index", interactive=False, verbosity=0)
        extra = indexed - rows
        for number in range(-extra if extra < 0 else 0):
            from haystack import connections

            connections["default"].get_backend().remove(Offering.objects.order_by("pk")[number])

    def test_what_is_there_is_found(self):
        self.fill(3, 3)
        finding = search.query()
        assert shown(finding) == [("passed", "ok")] and "3 hits" in finding.message

    def test_the_word_is_that_of_the_configuration(self):
        self.fill(3, 3)
        fake_native.SEARCH_WORD = "nowhere"
        finding = search.query()
        assert shown(finding) == [("failed", "no_hits")] and "`nowhere`" in finding.message

    def test_an_index_that_finds_nothing_is_failed(self):
        self.fill(0, 0)
        assert shown(search.query()) == [("failed", "no_hits")]

    def test_a_complete_index_is_well(self):
        self.fill(3, 3)
        assert shown(*search.count()) == [("passed", "ok")]

    def test_an_empty_index_of_a_full_table_is_failed(self):
        self.fill(0, 0)
        Offering.objects.create(title="CMPT")
        assert shown(*search.count()) == [("failed", "empty")]

    def test_half_an_index_is_a_warning_and_a_few_rows_are_none(self):
        assert shown(search._judged("b", "m", 500, 1000)) == [("warning", "incomplete")]
        assert shown(search._judged("b", "m", 990, 1000)) == [("passed", "ok")]
        assert shown(search._judged("b", "m", 1200, 1000)) == [("warning", "incomplete")]
        assert shown(search._judged("b", "m", 0, 0)) == [("passed", "ok")]

    def test_a_backend_that_breaks_is_heard(self):
        from haystack.backends.whoosh_backend import WhooshSearchBackend

        with mock.patch.object(WhooshSearchBackend, "search", side_effect=OSError("no index")):
            with self.assertRaises(OSError):
                search.query()
