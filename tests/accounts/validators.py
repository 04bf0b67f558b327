"""Django's own validators: reads [password, user name, full name, address] as a JSON list on standard input, and writes the
names of the validators that refuse each password, in the order of the questions."""

import json
import sys

import django
from django.conf import settings

settings.configure()
django.setup()

from django.contrib.auth import password_validation as validation  # noqa: E402
from django.core.exceptions import FieldDoesNotExist, ValidationError  # noqa: E402


class Meta:
    """A model without fields, so that messages name attributes as they are."""

    def get_field(self, name):
        raise FieldDoesNotExist(name)


class User:
    """As far as the validators look at one."""

    _meta = Meta()

    def __init__(self, username, full_name, email):
        self.username = username
        self.full_name = full_name
        self.email = email


VALIDATORS = {
    "length": validation.MinimumLengthValidator(min_length=8),
    "similarity": validation.UserAttributeSimilarityValidator(user_attributes=("username", "full_name", "email")),
    "common": validation.CommonPasswordValidator(),
    "numeric": validation.NumericPasswordValidator(),
}


def refused_by(password, user):
    names = []
    for name, validator in VALIDATORS.items():
        try:
            validator.validate(password, user)
        except ValidationError:
            names.append(name)
    return names


json.dump([refused_by(password, User(*user)) for password, *user in json.load(sys.stdin)], sys.stdout)
