second-step-title = Zweiter Schritt · { $host }
second-step-heading = Zweiter Schritt
second-step-lead = Anmeldung als { $name }, weiter zu { $site }
factor-code = Code Ihrer Authenticator-App
factor-code-hint = Sechs Ziffern. Sie wechseln alle 30 Sekunden.
recovery-use = Ich habe mein Gerät nicht dabei: Wiederherstellungscode verwenden
recovery-code = Wiederherstellungscode
recovery-code-hint = Zehn Zeichen, zum Beispiel ABCDE-FGH23. Jeder Code gilt einmal.
second-step-again = Von vorn beginnen
factor-wrong-code = Dieser Code stimmt nicht. Der Code einer App wechselt alle 30 Sekunden und gilt einmal.
sign-in-expired = Die Anmeldung hat zu lange gedauert. Bitte beginnen Sie von vorn.
sign-in-too-many-codes = Zu viele falsche Codes. Bitte melden Sie sich von vorn an.

confirm-factor = Sie sind auf { $host } als { $name } angemeldet. Weisen Sie Ihren zweiten Faktor nach, um fortzufahren.
confirm-needs-factor = Sie sind auf { $host } als { $name } angemeldet.
confirm-no-factor = Diese Seite verlangt einen zweiten Faktor, und Sie haben noch keinen.
confirm-no-such-factor = Diese Seite verlangt einen zweiten Faktor einer Art, die Sie nicht hinzugefügt haben.
confirm-ask-administrator = Bitte wenden Sie sich an die Administration.
factor-add = Zweiten Faktor hinzufügen
refused-factor-title = Bitte weisen Sie einen zweiten Faktor nach
refused-factor = Dafür müssen Sie auf eine weitere Art nachweisen, dass Sie es sind.
refused-factor-link = Bestätigen, dass Sie es sind

factors-title = Zweite Faktoren · { $host }
factors-heading = Zweite Faktoren
factors-lead = Mit einem zweiten Faktor kommt niemand mit Ihrem Passwort allein hinein.
factors-required = Ihr Konto braucht einen zweiten Faktor. Bitte fügen Sie einen hinzu.
factors-own = Ihre zweiten Faktoren
factors-none = Noch keine.
factors-back = Zurück zu Ihrem Konto
factor-app = Authenticator-App
factor-passkey = Passkey
passkey-synced = synchronisiert
factor-added = Hinzugefügt am { $date }
factor-added-used = Hinzugefügt am { $date }, verwendet am { $used }
factor-change = Umbenennen oder entfernen
factor-name = Name
factor-name-hint = Damit Sie Ihre Geräte unterscheiden können, zum Beispiel „Telefon“.
factor-rename = Umbenennen
factor-remove = Entfernen
factor-end-others = Überall sonst abmelden
factor-wrong-name = Ein Name hat 1 bis 64 Zeichen in einer Zeile.
factor-last-way-in = Ohne diesen könnten Sie sich nicht mehr anmelden. Fügen Sie zuerst einen anderen hinzu.
factor-last-required = Ihr Konto braucht einen zweiten Faktor, und dies ist der einzige. Fügen Sie zuerst einen anderen hinzu, um ihn zu entfernen.
factor-was-added = Der zweite Faktor ist hinzugefügt. Von jetzt an werden Sie bei der Anmeldung danach gefragt.
factor-was-removed = Der zweite Faktor ist entfernt.
factor-was-renamed = Der Name ist geändert.

factor-add-app = Authenticator-App hinzufügen
factor-app-name = Authenticator-App
add-app-title = Authenticator-App hinzufügen · { $host }
add-app-heading = Authenticator-App hinzufügen
add-app-lead = für { $name } auf { $host }
add-app-required = Ihr Konto auf { $host } braucht einen zweiten Faktor. Richten Sie ihn jetzt ein, um fortzufahren.
enrol-title = Zweiten Faktor hinzufügen · { $host }
add-app-scan = Scannen Sie diesen Code mit einer Authenticator-App wie Aegis, FreeOTP, Google Authenticator oder einem Passwortmanager.
add-app-qr = QR-Code für die Authenticator-App
add-app-type = Oder tippen Sie diesen Schlüssel in die App ein:
add-app-open = In einer App auf diesem Gerät öffnen
add-app-submit = Hinzufügen
add-app-cancel = Zurück zu Ihren zweiten Faktoren
factor-wrong-first-code = Dieser Code stimmt nicht. Geht die Uhr Ihres Geräts richtig? Geben Sie den Code ein, den die App jetzt anzeigt.
factor-secret-expired = Der QR-Code ist abgelaufen. Bitte scannen Sie den neuen.
factor-too-many = Sie haben so viele zweite Faktoren, wie ein Konto haben darf. Entfernen Sie zuerst einen.

recovery-codes = Wiederherstellungscodes
recovery-codes-title = Wiederherstellungscodes · { $host }
recovery-codes-lead = für { $name } auf { $host }
recovery-codes-once = Drucken Sie diese Codes jetzt aus, oder schreiben Sie sie auf. Sie werden nicht noch einmal angezeigt.
recovery-codes-hint = Wenn Sie Ihr Gerät verlieren, melden Sie sich mit einem dieser Codes an seiner Stelle an. Jeder gilt einmal. Neue Codes machen die alten ungültig.
recovery-codes-kept = Ich habe die Codes aufbewahrt
recovery-codes-left =
    { $count ->
        [one] { $count } Code ist noch übrig.
       *[other] { $count } Codes sind noch übrig.
    }
recovery-codes-new = Neue Codes erstellen
account-factors = Zweite Faktoren
