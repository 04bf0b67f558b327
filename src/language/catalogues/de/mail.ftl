mail-once = Der Link kann einmal verwendet werden und gilt { $time }.
mail-nothing-to-do = Wenn Sie das nicht waren, brauchen Sie nichts zu tun.

mail-reset-subject = Neues Passwort für { $site } festlegen
mail-reset = Jemand hat ein neues Passwort für das Konto „{ $name }“ auf { $site } angefordert. Wenn Sie das waren, öffnen Sie diesen Link.
mail-reset-link = Neues Passwort festlegen
mail-reset-after = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Passwort bleibt, wie es ist.

mail-invitation-subject = Sie sind zu { $site } eingeladen
mail-invitation = Auf { $site } gibt es für Sie das Konto „{ $name }“. Öffnen Sie diesen Link, um dessen Passwort zu wählen.
mail-invitation-link = Passwort wählen
mail-invitation-after = Wenn Sie nicht wissen, worum es geht, brauchen Sie nichts zu tun.

mail-registration-subject = Registrierung bei { $site } abschließen
mail-registration = Jemand möchte mit dieser Adresse ein Konto auf { $site } anlegen. Wenn Sie das waren, öffnen Sie diesen Link, um einen Namen und ein Passwort zu wählen.
mail-registration-link = Registrierung abschließen
mail-registration-after = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Es wird kein Konto angelegt.

mail-known-subject = Sie haben schon ein Konto bei { $site }
mail-known = Jemand wollte mit dieser Adresse ein Konto auf { $site } anlegen. Es gibt schon eines: „{ $name }“. Wenn Sie das Passwort vergessen haben, können Sie ein neues festlegen.
mail-known-link = Passwort vergessen

mail-elsewhere-subject = Ihr Passwort für { $site }
mail-elsewhere = Jemand hat ein neues Passwort für das Konto „{ $name }“ auf { $site } angefordert. Ihr Passwort wird nicht hier geführt. Sie melden sich mit { $backends } an, und dort kann es geändert werden.

mail-email-subject = Neue Adresse für { $site } bestätigen
mail-email = Jemand möchte, dass diese Adresse die des Kontos „{ $name }“ auf { $site } wird. Wenn Sie das waren, öffnen Sie diesen Link, und melden Sie sich als „{ $name }“ an.
mail-email-link = Adresse bestätigen
mail-email-after = Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Es ändert sich nichts.

mail-email-changed-subject = Ihre Adresse für { $site } wurde geändert
mail-email-changed = Das Konto „{ $name }“ auf { $site } hat jetzt eine andere Adresse: { $address }. Mails gehen von jetzt an dorthin.
mail-undo = Wenn Sie das nicht waren, öffnen Sie diesen Link. Er stellt diese Adresse wieder her, meldet alle ab und lässt Sie ein neues Passwort festlegen.
mail-undo-link = Änderung rückgängig machen

mail-approved-subject = Ihr Konto bei { $site } ist bereit
mail-approved = Ihr Konto „{ $name }“ auf { $site } wurde freigegeben. Sie können sich jetzt anmelden.

mail-notice-subject = Ihr Konto bei { $site } wurde geändert
mail-new-device-subject = Neue Anmeldung bei Ihrem Konto auf { $site }
mail-notice = Es geht um das Konto „{ $name }“ auf { $site }. { $what }
mail-password-changed = Es hat ein neues Passwort.
mail-factor-added = Ein zweiter Faktor wurde hinzugefügt: { $factor }.
mail-factor-removed = Ein zweiter Faktor wurde entfernt: { $factor }.
mail-factors-removed-by-operator = Die Administration hat zweite Faktoren entfernt: { $factors }. Sie wurden überall abgemeldet.
mail-recovery-code-used = Ein Wiederherstellungscode wurde zur Anmeldung verwendet. { $left ->
    [0] Es war der letzte. Erstellen Sie auf Ihrer Kontoseite neue.
    [one] Einer ist noch übrig.
   *[other] { $left } sind noch übrig.
}
mail-passkey-may-be-copied = Ihr Passkey „{ $name }“ wurde verwendet, und sein Zähler ist nicht gestiegen. Er wurde vielleicht kopiert. Wenn Sie ihn nicht verwendet haben, entfernen Sie ihn.
mail-recovery-codes-made = Neue Wiederherstellungscodes wurden erstellt. Die alten sind ungültig.
mail-new-device = Jemand hat sich auf einem Gerät angemeldet, das bisher nicht verwendet wurde.
mail-notice-email-changed = Es hat eine andere Adresse: { $address }.
mail-token-made = Ein Token für Programme wurde erstellt: { $token }.
mail-token-removed = Ein Token für Programme wurde entfernt: { $token }.
mail-cause = Es geschah am { $date }, mit { $device }.
mail-cause-from = Es geschah am { $date }, von { $address }, mit { $device }.
mail-notice-after = Wenn Sie das waren, brauchen Sie nichts zu tun. Wenn nicht, ändern Sie Ihr Passwort, beenden Sie die anderen Sitzungen unter { $link }, und sagen Sie der Administration Bescheid.
mail-factors-removed-after = Wenn Sie nicht darum gebeten haben, sagen Sie der Administration Bescheid.

mail-approval-subject = { $name } wartet auf die Freigabe bei { $site }
mail-approval = Jemand, der unter { $address } Mails empfängt, hat sich als „{ $name }“ auf { $site } registriert und wartet auf die Freigabe.
mail-approval-command = Zum Freigeben: { $command }
mail-refusal-command = Zum Ablehnen: { $command }
mail-test-subject = Mails von { $site } funktionieren
mail-test = Die Administration von { $site } hat diese Nachricht gesendet, um zu sehen, ob Mails ankommen. Sie tun es.
