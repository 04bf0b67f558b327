"""A Flask-AppBuilder with one view that takes a form; the test writes `config.py` and `gateway.py` of docs/apps.md beside it."""

from flask import Flask, redirect, request, url_for
from flask_appbuilder import AppBuilder, BaseView, expose
from flask_appbuilder.models.sqla.base import SQLA
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect, generate_csrf

import gateway

app = Flask(__name__)
app.config.from_object("config")
app.config["SECRET_KEY"] = "only of a test"
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///app.db"
gateway.behind_portcullis(app)
CSRFProtect(app)


class Note(BaseView):
    route_base = "/note"
    default_view = "write"

    @expose("/", methods=["GET", "POST"])
    def write(self):
        name = current_user.username if current_user.is_authenticated else "nobody"
        if request.method == "POST":
            return f"{name} wrote {request.form['text']} at {request.url}"
        return f'<p>hello {name}<input type="hidden" name="csrf_token" value="{generate_csrf()}">'

    @expose("/away/")
    def away(self):
        return redirect(url_for("Note.write", _external=True))


db = SQLA(app)
with app.app_context():
    builder = AppBuilder(app, db.session)
    builder.add_view_no_menu(Note())
