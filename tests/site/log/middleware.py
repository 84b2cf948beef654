"""Saves a row for each page."""

from datetime import datetime

from .models import RequestLog


class RequestLogMiddleware:
    """Logs every request that comes this far, whatever the answer."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start = datetime.now()
        response = self.get_response(request)
        user = request.user
        RequestLog.objects.create(
            time=start,
            duration=datetime.now() - start,
            username=user.username if user.is_authenticated else None,
            method=request.method,
            path=request.path[:1024],
            data={
                "ip": request.META.get("REMOTE_ADDR"),
                "user_agent": request.headers.get("User-Agent"),
                "status_code": response.status_code,
            },
        )
        return response
