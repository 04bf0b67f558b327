"""Users of Django with a password by each of its hashers, as `manage.py dumpdata auth` writes them; the arguments go to
dumpdata. The password of each is its name and `: grüner Apfel`."""

import sys

import django
from django.conf import settings

HASHERS = "PBKDF2 PBKDF2SHA1 Argon2 BCryptSHA256 BCrypt Scrypt MD5".split()
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}PasswordHasher" for name in HASHERS],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)
editors = Group.objects.create(name="Wiki Editors")
for algorithm in "pbkdf2_sha256 pbkdf2_sha1 argon2 bcrypt_sha256 bcrypt scrypt md5".split():
    user = User.objects.create(username=algorithm, email=f"{algorithm}@example.com", first_name="By", last_name=algorithm)
    user.password = make_password(f"{algorithm}: grüner Apfel", hasher=algorithm)
    user.save()
    user.groups.add(editors)
User.objects.create_user("unusable")
User.objects.create_superuser("root", password="root: grüner Apfel")
User.objects.create_user("gone", password="gone: grüner Apfel", is_active=False)
call_command("dumpdata", "auth.user", "auth.group", *sys.argv[1:], stdout=sys.stdout)
