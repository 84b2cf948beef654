

def answer():
    """One JSON document for the other end."""
    try:
        from django.conf import settings

        return settings_of(settings)
    except Exception as error:
        return {"failed": type(error).__name__}


text = json.dumps(answer()).encode("utf-8")
while text:
    text = text[os.write(0, text):]
