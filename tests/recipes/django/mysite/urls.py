"""A page with a form, one that redirects, and Django's own sign-out."""

from django.contrib.auth.views import LogoutView
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path


def note(request):
    if request.method == "POST":
        return HttpResponse(f"{request.user} wrote {request.POST['text']} at {request.build_absolute_uri()}")
    return HttpResponse(
        f'<p>hello {request.user}<form method="post">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}"></form>'
    )


def away(request):
    return redirect(request.build_absolute_uri("/note/"))


urlpatterns = [
    path("note/", note),
    path("away/", away),
    path("logout/", LogoutView.as_view()),
]
