mail-once = De link kan één keer worden gebruikt, binnen { $time }.
mail-nothing-to-do = Als u dit niet was, hoeft u niets te doen.

mail-reset-subject = Een nieuw wachtwoord instellen voor { $site }
mail-reset = Iemand heeft een nieuw wachtwoord aangevraagd voor het account “{ $name }” op { $site }. Als u dat was, open dan deze link.
mail-reset-link = Een nieuw wachtwoord instellen
mail-reset-after = Als u dit niet was, hoeft u niets te doen: uw wachtwoord blijft zoals het is.

mail-invitation-subject = U bent uitgenodigd voor { $site }
mail-invitation = Er is een account “{ $name }” voor u op { $site }. Open deze link om het wachtwoord te kiezen.
mail-invitation-link = Een wachtwoord kiezen
mail-invitation-after = Als u niet weet waar dit over gaat, hoeft u niets te doen.

mail-registration-subject = Voltooi uw registratie bij { $site }
mail-registration = Iemand wil met dit adres een account maken op { $site }. Als u dat was, open dan deze link om een naam en een wachtwoord te kiezen.
mail-registration-link = De registratie voltooien
mail-registration-after = Als u dit niet was, hoeft u niets te doen: er wordt geen account gemaakt.

mail-known-subject = U hebt al een account bij { $site }
mail-known = Iemand wilde met dit adres een account maken op { $site }. Er is er al een: “{ $name }”. Als u het wachtwoord bent vergeten, kunt u een nieuw instellen.
mail-known-link = Wachtwoord vergeten

mail-elsewhere-subject = Uw wachtwoord voor { $site }
mail-elsewhere = Iemand heeft een nieuw wachtwoord aangevraagd voor het account “{ $name }” op { $site }. Uw wachtwoord wordt niet hier beheerd. U logt in met { $backends }, en daar kan het worden gewijzigd.

mail-email-subject = Bevestig uw nieuwe adres voor { $site }
mail-email = Iemand wil dat dit adres dat van het account “{ $name }” op { $site } wordt. Als u dat was, open dan deze link en log in als “{ $name }”.
mail-email-link = Het adres bevestigen
mail-email-after = Als u dit niet was, hoeft u niets te doen: er verandert niets.

mail-email-changed-subject = Uw adres voor { $site } is gewijzigd
mail-email-changed = Het account “{ $name }” op { $site } heeft nu een ander adres: { $address }. Berichten gaan vanaf nu daarheen.
mail-undo = Als u dit niet was, open dan deze link. Hij herstelt dit adres, logt iedereen uit en laat u een nieuw wachtwoord instellen.
mail-undo-link = De wijziging ongedaan maken

mail-approved-subject = Uw account bij { $site } is klaar
mail-approved = Uw account “{ $name }” op { $site } is goedgekeurd. U kunt nu inloggen.

mail-notice-subject = Uw account bij { $site } is gewijzigd
mail-new-device-subject = Nieuwe aanmelding bij uw account op { $site }
mail-notice = Dit gaat over het account “{ $name }” op { $site }. { $what }
mail-password-changed = Het heeft een nieuw wachtwoord.
mail-factor-added = Er is een tweede factor toegevoegd: { $factor }.
mail-factor-removed = Er is een tweede factor verwijderd: { $factor }.
mail-factors-removed-by-operator = Een beheerder heeft tweede factoren verwijderd: { $factors }. U bent overal uitgelogd.
mail-recovery-code-used = Er is een herstelcode gebruikt om in te loggen. { $left ->
    [0] Het was de laatste. Maak nieuwe op uw accountpagina.
    [one] Er is er nog één over.
   *[other] Er zijn er nog { $left } over.
}
mail-passkey-may-be-copied = Uw passkey “{ $name }” is gebruikt en de teller ervan is niet opgelopen. Mogelijk is hij gekopieerd. Hebt u hem niet gebruikt, verwijder hem dan.
mail-recovery-codes-made = Er zijn nieuwe herstelcodes gemaakt. De oude zijn ongeldig.
mail-new-device = Iemand heeft ingelogd op een apparaat dat nog niet eerder was gebruikt.
mail-notice-email-changed = Het heeft een ander adres: { $address }.
mail-token-made = Er is een token voor programma’s gemaakt: { $token }.
mail-token-removed = Er is een token voor programma’s verwijderd: { $token }.
mail-cause = Het gebeurde op { $date }, met { $device }.
mail-cause-from = Het gebeurde op { $date }, vanaf { $address }, met { $device }.
mail-notice-after = Als u dit was, hoeft u niets te doen. Zo niet, wijzig dan uw wachtwoord, beëindig de andere sessies op { $link } en waarschuw een beheerder.
mail-factors-removed-after = Als u hier niet om hebt gevraagd, waarschuw dan een beheerder.

mail-approval-subject = { $name } wacht op goedkeuring bij { $site }
mail-approval = Iemand die berichten ontvangt op { $address } heeft zich als “{ $name }” geregistreerd op { $site } en wacht op goedkeuring.
mail-approval-command = Om goed te keuren: { $command }
mail-refusal-command = Om te weigeren: { $command }
mail-test-subject = Mail van { $site } werkt
mail-test = Een beheerder van { $site } heeft dit bericht verzonden om te zien of mail werkt. Dat is zo.
