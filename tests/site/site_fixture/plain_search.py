"""A haystack engine that needs nothing but a plain mapping.

The Elasticsearch 7.17 that can be had for tests has no analysis module and refuses the analyzers that haystack's own
engines define, so this one uses the built-in ones, over plain HTTP.
"""

import base64
import json
import ssl
import urllib.error
import urllib.request
from urllib.parse import quote

from haystack.backends import BaseEngine, BaseSearchBackend, BaseSearchQuery
from haystack.constants import DJANGO_CT, DJANGO_ID, ID
from haystack.models import SearchResult
from haystack.utils import get_identifier


class PlainSearchBackend(BaseSearchBackend):
    """Reads and writes one index.

    Raises OSError (`urllib.error.HTTPError` is one) when the server refuses or cannot be reached: unlike haystack's
    engines, this one never takes an error for "no hits".
    """

    RESERVED_CHARACTERS = tuple('\\+-&|!(){}[]^"~*?:/<>=')

    def __init__(self, connection_alias, **connection_options):
        super().__init__(connection_alias, **connection_options)
        options = connection_options.get("KWARGS", {})
        self.base_url = connection_options["URL"].rstrip("/")
        self.index_path = "/" + quote(connection_options["INDEX_NAME"], safe="")
        self.headers = {"Content-Type": "application/json"}
        if options.get("http_auth"):
            credentials = ":".join(options["http_auth"]).encode()
            self.headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
        handlers = [urllib.request.ProxyHandler({})]
        if options.get("ca_certs"):
            context = ssl.create_default_context(cafile=options["ca_certs"])
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self.opener = urllib.request.build_opener(*handlers)

    def request(self, method, path, body=None, ignore=()):
        """One request below the index; the answer's JSON, or None when its status is one of `ignore`."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        url = self.base_url + self.index_path + path
        request = urllib.request.Request(url, data, self.headers, method=method)
        try:
            with self.opener.open(request, timeout=self.timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in ignore:
                return None
            raise

    def setup(self):
        """Create the index if it is not there; text is split into words, identifiers are not."""
        properties = {name: {"type": "keyword"} for name in (ID, DJANGO_CT, DJANGO_ID)}
        body = {"settings": {"number_of_shards": 1}, "mappings": {"properties": properties}}
        # 400 is what Elasticsearch answers when the index exists.
        self.request("PUT", "", body, ignore=(400,))
        self.setup_complete = True

    def clear(self, models=None, commit=True):
        """Delete the whole index: what `rebuild_index` needs, and nothing asks for single models here."""
        self.request("DELETE", "", ignore=(404,))
        self.setup_complete = False

    def update(self, index, iterable, commit=True):
        """Add or replace the documents of some objects, and make them visible to the next search."""
        if not self.setup_complete:
            self.setup()
        lines = []
        for obj in iterable:
            document = index.full_prepare(obj)
            lines += [{"index": {"_id": document[ID]}}, document]
        if not lines:
            return
        body = "".join(json.dumps(line, default=str) + "\n" for line in lines).encode()
        answer = self.request("POST", "/_bulk?refresh=true", body)
        if answer["errors"]:
            raise OSError(f"documents were refused: {json.dumps(answer['items'])[:500]}")

    def remove(self, obj_or_string, commit=True):
        """Remove one object's document, if it is there."""
        document_id = quote(get_identifier(obj_or_string), safe="")
        self.request("DELETE", f"/_doc/{document_id}?refresh=true", ignore=(404,))

    def search(self, query_string, start_offset=0, end_offset=None, **kwargs):
        """Search in Lucene's query syntax; `hits` counts all that match, `results` holds the asked-for part."""
        size = 10 if end_offset is None else end_offset - start_offset
        body = {"query": {"query_string": {"query": query_string}}, "from": start_offset, "size": size}
        hits = self.request("POST", "/_search", body)["hits"]
        return {"hits": hits["total"]["value"], "results": [self.result(hit) for hit in hits["hits"]]}

    @staticmethod
    def result(hit):
        """One of Elasticsearch's hits as haystack's."""
        fields = dict(hit["_source"])
        app, model = fields.pop(DJANGO_CT).split(".")
        return SearchResult(app, model, fields.pop(DJANGO_ID), hit["_score"], **fields)


class PlainSearchQuery(BaseSearchQuery):
    """Turns haystack's filters into Lucene's query syntax."""

    def build_query_fragment(self, field, filter_type, value):
        """`field:(words)`; the pseudo-field `content` means all fields. Words are the only filter type needed."""
        words = value.prepare(self) if hasattr(value, "prepare") else self.clean(str(value))
        return f"({words})" if field == "content" else f"{field}:({words})"


class PlainSearchEngine(BaseEngine):
    """What HAYSTACK_CONNECTIONS names."""

    backend = PlainSearchBackend
    query = PlainSearchQuery
