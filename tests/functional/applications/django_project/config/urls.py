"""A checkout, one whose payment is declined, and a task of the project's own Celery."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from shop.views import checkout

from tasks import remind


def declined(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        checkout(request)
        transaction.set_rollback(True)
    return HttpResponse("payment declined", status=402)


def reminder(request: HttpRequest, number: int) -> HttpResponse:
    remind.delay(number)
    return HttpResponse(status=202)


urlpatterns = [
    path("checkout/", checkout),
    path("declined/", declined),
    path("reminder/<int:number>/", reminder),
]
