second-step-title = Drugi krok · { $host }
second-step-heading = Drugi krok
second-step-lead = Logowanie jako { $name }, aby przejść do { $site }
factor-code = Kod z aplikacji uwierzytelniającej
factor-code-hint = Sześć cyfr. Zmieniają się co 30 sekund.
recovery-use = Nie mam przy sobie urządzenia: użyj kodu odzyskiwania
recovery-code = Kod odzyskiwania
recovery-code-hint = Dziesięć znaków, na przykład ABCDE-FGH23. Każdy kod działa raz.
second-step-again = Zacznij od nowa
factor-wrong-code = Ten kod jest nieprawidłowy. Kod z aplikacji zmienia się co 30 sekund i działa raz.
sign-in-expired = Logowanie trwało zbyt długo. Proszę zacząć od nowa.
sign-in-too-many-codes = Zbyt wiele błędnych kodów. Proszę zalogować się od początku.

confirm-factor = Zalogowano na { $host } jako { $name }. Aby kontynuować, proszę okazać drugi składnik.
confirm-needs-factor = Zalogowano na { $host } jako { $name }.
confirm-no-factor = Ta strona wymaga drugiego składnika, a na koncie nie ma jeszcze żadnego.
confirm-no-such-factor = Ta strona wymaga drugiego składnika takiego rodzaju, jakiego nie dodano do konta.
confirm-ask-administrator = Proszę zwrócić się do administratora.
factor-add = Dodaj drugi składnik
refused-factor-title = Proszę okazać drugi składnik
refused-factor = Do tego trzeba potwierdzić tożsamość w inny sposób.
refused-factor-link = Potwierdź tożsamość

factors-title = Drugie składniki · { $host }
factors-heading = Drugie składniki
factors-lead = Z drugim składnikiem samo hasło nikogo nie wpuści.
factors-required = To konto wymaga drugiego składnika. Proszę go dodać.
factors-own = Dodane drugie składniki
factors-none = Jeszcze żadnych.
factors-back = Powrót do konta
factor-app = Aplikacja uwierzytelniająca
factor-passkey = Klucz dostępu
passkey-synced = synchronizowany
factor-added = Dodano { $date }
factor-added-used = Dodano { $date }, użyto { $used }
factor-change = Zmień nazwę lub usuń
factor-name = Nazwa
factor-name-hint = Aby odróżnić urządzenia, na przykład „Telefon”.
factor-rename = Zmień nazwę
factor-remove = Usuń
factor-end-others = Wyloguj wszędzie indziej
factor-wrong-name = Nazwa ma od 1 do 64 znaków w jednym wierszu.
factor-last-way-in = Bez tego składnika nie można by się już zalogować. Najpierw proszę dodać inny.
factor-last-required = To konto wymaga drugiego składnika, a ten jest jedyny. Aby go usunąć, najpierw proszę dodać inny.
factor-was-added = Drugi składnik został dodany. Od teraz będzie wymagany przy logowaniu.
factor-was-removed = Drugi składnik został usunięty.
factor-was-renamed = Nazwa została zmieniona.

factor-add-app = Dodaj aplikację uwierzytelniającą
factor-app-name = Aplikacja uwierzytelniająca
add-app-title = Dodawanie aplikacji uwierzytelniającej · { $host }
add-app-heading = Dodawanie aplikacji uwierzytelniającej
add-app-lead = dla { $name } na { $host }
add-app-required = Konto na { $host } wymaga drugiego składnika. Aby kontynuować, proszę go teraz skonfigurować.
enrol-title = Dodawanie drugiego składnika · { $host }
add-app-scan = Proszę zeskanować ten kod aplikacją uwierzytelniającą, taką jak Aegis, FreeOTP, Google Authenticator lub menedżer haseł.
add-app-qr = Kod QR dla aplikacji uwierzytelniającej
add-app-type = Lub wpisać ten klucz w aplikacji:
add-app-open = Otwórz w aplikacji na tym urządzeniu
add-app-submit = Dodaj
add-app-cancel = Powrót do drugich składników
factor-wrong-first-code = Ten kod jest nieprawidłowy. Czy zegar urządzenia jest dobrze ustawiony? Proszę wpisać kod, który aplikacja pokazuje teraz.
factor-secret-expired = Kod QR wygasł. Proszę zeskanować nowy.
factor-too-many = Na koncie jest już tyle drugich składników, ile można mieć. Najpierw proszę usunąć jeden.

recovery-codes = Kody odzyskiwania
recovery-codes-title = Kody odzyskiwania · { $host }
recovery-codes-lead = dla { $name } na { $host }
recovery-codes-once = Proszę teraz wydrukować lub zapisać te kody. Nie zostaną pokazane ponownie.
recovery-codes-hint = W razie utraty urządzenia jeden z tych kodów pozwala się zalogować zamiast niego. Każdy działa raz. Nowe kody unieważniają stare.
recovery-codes-kept = Kody są zachowane
recovery-codes-left =
    { $count ->
        [one] Pozostał { $count } kod.
        [few] Pozostały { $count } kody.
       *[other] Pozostało { $count } kodów.
    }
recovery-codes-new = Utwórz nowe kody
account-factors = Drugie składniki
