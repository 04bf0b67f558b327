refused-open-page = Otwórz stronę
refused-confirm-password = Potwierdź hasło

refused-bad-request-title = To żądanie jest nieprawidłowe
refused-bad-request = Przyczyna techniczna, po angielsku: { $reason }
refused-plain-http-title = Ten adres wymaga HTTPS
refused-plain-http = Żądanie przyszło nieszyfrowanym HTTP, a ten port wymaga HTTPS. Proszę użyć adresu { $address }. Jeśli żądanie zawierało hasło lub token, inni w sieci mogli je odczytać: proszę je zmienić.
refused-plain-http-some = Żądanie przyszło nieszyfrowanym HTTP, a ten port wymaga HTTPS. Proszę użyć adresu zaczynającego się od https://. Jeśli żądanie zawierało hasło lub token, inni w sieci mogli je odczytać: proszę je zmienić.
refused-sign-in-title = Proszę się zalogować
refused-sign-in = Użytkownik nie jest zalogowany lub sesja dobiegła końca. Aby się zalogować, proszę odświeżyć stronę.
refused-confirm-title = Proszę potwierdzić hasło
refused-confirm = Do tego trzeba ponownie potwierdzić hasło.
refused-wrong-credential-title = Te dane logowania są nieprawidłowe
refused-wrong-credential = Dane logowania w nagłówku Authorization są błędne, wygasły lub nie są tu przyjmowane.
refused-bound-token = Token dostępu w nagłówku Authorization jest powiązany z certyfikatem klienta lub z kluczem (DPoP). To żądanie nie przedstawia tego certyfikatu albo powiązania nie można tu sprawdzić.
refused-token-needed-title = Potrzebny jest token
refused-token-needed = To konto ma drugi składnik lub go wymaga, dlatego samo hasło nie jest przyjmowane. Proszę utworzyć token na stronie konta i używać go zamiast hasła.
refused-forbidden-title = Brak dostępu do tej strony
refused-forbidden = Zalogowano, ale to konto nie ma do tego prawa. Jeśli potrzebny jest dostęp, proszę zwrócić się do administratora.
refused-forbidden-to-program-title = Te dane uwierzytelniające na to nie pozwalają
refused-forbidden-to-program = Dane uwierzytelniające są prawidłowe, ale ich właściciel nie ma do tego uprawnień, są przeznaczone dla innych aplikacji, ścieżek lub metod albo musi to potwierdzić osoba.
refused-no-certificate-title = Ta strona wymaga certyfikatu
refused-no-certificate = Przeglądarka nie okazała certyfikatu, który by tu do Pani/Pana należał. Jeśli taki istnieje, proszę zamknąć przeglądarkę i ponownie otworzyć stronę; przeglądarka zapyta wtedy, którego certyfikatu użyć.
refused-no-certificate-by-proxy = Wymaga certyfikatu klienta, a serwer przed bramką nie może go przekazać. Operator tej witryny musi udostępniać stronę bez tego serwera.
refused-cross-site-title = To żądanie przyszło z innej witryny
refused-cross-site = Inna witryna wysłała to żądanie, korzystając z tej sesji, dlatego zostało zablokowane. Aby to zrobić, proszę otworzyć samą stronę i zrobić to tam.
refused-service-worker-title = Skrypty service worker nie są tu dozwolone
refused-service-worker = Service worker tej aplikacji mógłby zająć miejsce strony logowania. Administrator może go dopuścić ustawieniem service_workers.
refused-framed-title = Ta strona nie otwiera się w ramce
refused-framed = Proszę otworzyć ją w osobnym oknie, aby żadna inna strona nie mogła jej zasłonić.
refused-not-found-title = Nie znaleziono strony
refused-not-found = Pod tym adresem nic nie ma. Proszę sprawdzić, czy nie ma w nim literówki.
refused-method-title = To tutaj nie działa
refused-method = Strona istnieje, ale nie można jej użyć w ten sposób.
refused-too-slow-title = To trwało zbyt długo
refused-too-slow = Żądanie nie dotarło na czas. Proszę spróbować ponownie.
refused-length-required-title = Brak długości
refused-length-required = Żądanie nie ma Content-Length i jest większe, niż aplikacja przyjmuje bez niego. Proszę wysłać je z Content-Length.
refused-too-large-title = To było za duże
refused-too-large = Żądanie jest większe, niż przyjmuje ta witryna.
refused-uri-too-long-title = Ten adres jest za długi
refused-uri-too-long = Adres jest dłuższy, niż przyjmuje ta witryna.
refused-media-type-title = Ten rodzaj treści nie jest obsługiwany
refused-media-type = Ta strona nie przyjmuje treści tego typu.
refused-misdirected-title = Nie ma tu witryny
refused-misdirected = Ten serwer nie ma witryny o tej nazwie. Proszę sprawdzić, czy w adresie nie ma literówki.
refused-too-many-attempts-title = Zbyt wiele prób
refused-too-many-attempts = Było zbyt wiele prób z nieprawidłowym hasłem. Proszę spróbować ponownie za { $time }.
refused-wrong-connection-title = To połączenie jest dla innej witryny
refused-wrong-connection = Przeglądarka otworzyła to połączenie dla innej witryny. Aby otworzyć nowe, proszę odświeżyć stronę.
refused-head-too-large-title = Żądanie było za duże
refused-head-too-large = Adres lub pliki cookie są większe, niż przyjmuje ta witryna. Może pomóc usunięcie plików cookie tej witryny.
refused-too-busy-title = Teraz zbyt duże obciążenie
refused-too-busy =
    { $seconds ->
        [one] W tej chwili loguje się wiele osób. Proszę spróbować ponownie za sekundę.
        [few] W tej chwili loguje się wiele osób. Proszę spróbować ponownie za { $seconds } sekundy.
       *[other] W tej chwili loguje się wiele osób. Proszę spróbować ponownie za { $seconds } sekund.
    }
refused-overloaded = W tej chwili trwa zbyt wiele żądań. Proszę spróbować za chwilę.
refused-unavailable-title = Chwilowo niedostępne
refused-unavailable = Tego nie można teraz zrobić. Proszę spróbować za chwilę.
refused-bad-gateway-title = Aplikacja jest nieosiągalna
refused-bad-gateway = Być może uruchamia się ponownie. Proszę spróbować za chwilę.
refused-gateway-timeout-title = Aplikacja nie odpowiada
refused-gateway-timeout = To trwało zbyt długo; aplikacja może być przeciążona. Proszę spróbować za chwilę.
refused-internal-title = Coś poszło nie tak
refused-internal = To nie Pani/Pana wina. Jeśli zdarzy się to znowu, proszę podać administratorowi numer żądania poniżej.
