### Passkeys: adding one, and signing in with one.

passkey-use = Passkey verwenden
passkey-cancelled = Es wurde kein Passkey verwendet. Versuchen Sie es noch einmal, oder nehmen Sie einen anderen Weg.
passkey-known = Auf diesem Gerät gibt es schon einen Passkey für Ihr Konto.
passkey-needs-script-here = Ihr Passkey braucht einen Browser mit Passkeys und JavaScript.
passkey-wrong = Mit diesem Passkey hat die Anmeldung nicht geklappt. Versuchen Sie es noch einmal, oder nehmen Sie einen anderen Weg.

passkey-add-title = Passkey hinzufügen · { $host }
passkey-add-heading = Passkey hinzufügen
passkey-add-lead = Mit einem Passkey für { $host } melden Sie sich mit Fingerabdruck, Gesicht oder der PIN Ihres Geräts an. Eine gefälschte Seite bekommt ihn nie.
passkey-name = Name
passkey-name-hint = Damit Sie ihn später von anderen unterscheiden können. Bleibt das Feld leer, bekommt er den Namen seines Herstellers.
passkey-create = Passkey erstellen
passkey-add-back = Zurück zu Ihren zweiten Faktoren
passkey-added-title = Passkey hinzugefügt · { $host }
passkey-added-heading = Passkey hinzugefügt
passkey-added-lead = Von jetzt an können Sie sich mit { $name } anmelden.
passkey-added-codes = Das sind Ihre Wiederherstellungscodes. Jeder gilt einmal anstelle Ihres Passkeys, falls Sie ihn verlieren. Schreiben Sie sie auf, oder drucken Sie diese Seite: Sie werden nicht noch einmal angezeigt.
passkey-needs-script = Dafür braucht es einen Browser mit Passkeys und JavaScript. Eine Authenticator-App kommt ohne beides aus.
passkey-not-added = Dieser Passkey konnte nicht hinzugefügt werden. Bitte versuchen Sie es noch einmal.
passkey-added-already = Dieser Passkey gehört schon zu einem Konto.
passkey-too-many = Sie haben so viele zweite Faktoren, wie ein Konto haben darf. Entfernen Sie zuerst einen.
passkey-name-invalid = Ein Name hat 1 bis 64 Zeichen in einer Zeile.
# The name of a passkey to which its owner has given none.
passkey-added-on = Passkey, hinzugefügt am { $date }
