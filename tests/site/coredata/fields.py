"""A column type of the real site that Django does not have."""

import json

from django.db import models


class JsonTextField(models.TextField):
    """JSON in a plain text column: no database function understands it, and its collation is the table's."""

    def from_db_value(self, value, expression, connection):
        return None if value is None else json.loads(value)

    def to_python(self, value):
        return json.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value):
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def value_to_string(self, obj):
        return self.get_prep_value(self.value_from_object(obj))
