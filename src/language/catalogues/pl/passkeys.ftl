### Passkeys: adding one, and signing in with one.

passkey-use = Użyj klucza dostępu
passkey-cancelled = Nie użyto żadnego klucza dostępu. Proszę spróbować ponownie lub wybrać inny sposób.
passkey-known = To urządzenie ma już klucz dostępu do tego konta.
passkey-needs-script-here = Ten klucz dostępu wymaga przeglądarki obsługującej klucze dostępu oraz JavaScriptu.
passkey-wrong = Logowanie tym kluczem dostępu się nie powiodło. Proszę spróbować ponownie lub wybrać inny sposób.

passkey-add-title = Dodawanie klucza dostępu · { $host }
passkey-add-heading = Dodawanie klucza dostępu
passkey-add-lead = Klucz dostępu do { $host } pozwala zalogować się odciskiem palca, twarzą lub kodem PIN urządzenia i nie da się go podać fałszywej stronie.
passkey-name = Nazwa
passkey-name-hint = Aby później odróżnić go od innych. Jeśli pole pozostanie puste, klucz otrzyma nazwę swojego producenta.
passkey-create = Utwórz klucz dostępu
passkey-add-back = Powrót do drugich składników
passkey-added-title = Dodano klucz dostępu · { $host }
passkey-added-heading = Dodano klucz dostępu
passkey-added-lead = Od teraz można się logować za pomocą: { $name }.
passkey-added-codes = Oto kody odzyskiwania. Każdy z nich działa raz zamiast klucza dostępu, gdyby został utracony. Proszę je zapisać lub wydrukować tę stronę: nie zostaną pokazane ponownie.
passkey-needs-script = Do tego potrzebna jest przeglądarka obsługująca klucze dostępu oraz JavaScript. Aplikacja uwierzytelniająca działa bez nich.
passkey-not-added = Nie udało się dodać tego klucza dostępu. Proszę spróbować ponownie.
passkey-added-already = Ten klucz dostępu należy już do konta.
passkey-too-many = Na koncie jest już tyle drugich składników, ile można mieć. Najpierw proszę usunąć jeden.
passkey-name-invalid = Nazwa ma od 1 do 64 znaków w jednym wierszu.
# The name of a passkey to which its owner has given none.
passkey-added-on = Klucz dostępu, dodany { $date }
