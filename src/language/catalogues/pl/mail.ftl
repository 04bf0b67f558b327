mail-once = Łącze działa raz i jest ważne przez { $time }.
mail-nothing-to-do = Jeśli to ktoś inny, nie trzeba nic robić.

mail-reset-subject = Nowe hasło do { $site }
mail-reset = Poproszono o nowe hasło do konta „{ $name }” na { $site }. Jeśli to Pani/Pan, proszę otworzyć to łącze.
mail-reset-link = Ustaw nowe hasło
mail-reset-after = Jeśli to ktoś inny, nie trzeba nic robić: hasło pozostaje bez zmian.

mail-invitation-subject = Zaproszenie do { $site }
mail-invitation = Na { $site } czeka na Panią/Pana konto „{ $name }”. Proszę otworzyć to łącze, aby wybrać hasło.
mail-invitation-link = Wybierz hasło
mail-invitation-after = Jeśli nie wiadomo, o co chodzi, nie trzeba nic robić.

mail-registration-subject = Dokończenie rejestracji na { $site }
mail-registration = Ktoś chce założyć konto z tym adresem na { $site }. Jeśli to Pani/Pan, proszę otworzyć to łącze, aby wybrać nazwę i hasło.
mail-registration-link = Dokończ rejestrację
mail-registration-after = Jeśli to ktoś inny, nie trzeba nic robić: konto nie powstanie.

mail-known-subject = Konto na { $site } już istnieje
mail-known = Ktoś chciał założyć konto z tym adresem na { $site }. Takie konto już istnieje: „{ $name }”. W razie zapomnienia hasła można ustawić nowe.
mail-known-link = Nie pamiętam hasła

mail-elsewhere-subject = Hasło do { $site }
mail-elsewhere = Poproszono o nowe hasło do konta „{ $name }” na { $site }. To hasło nie jest tu przechowywane. Logowanie odbywa się przez { $backends } i tam można je zmienić.

mail-email-subject = Potwierdzenie nowego adresu dla { $site }
mail-email = Ktoś chce, aby ten adres był adresem konta „{ $name }” na { $site }. Jeśli to Pani/Pan, proszę otworzyć to łącze i zalogować się jako „{ $name }”.
mail-email-link = Potwierdź adres
mail-email-after = Jeśli to ktoś inny, nie trzeba nic robić: nic się nie zmieni.

mail-email-changed-subject = Adres dla { $site } został zmieniony
mail-email-changed = Konto „{ $name }” na { $site } ma teraz inny adres: { $address }. Od teraz wiadomości trafiają tam.
mail-undo = Jeśli to ktoś inny, proszę otworzyć to łącze. Przywraca ono ten adres, wylogowuje wszystkich i pozwala ustawić nowe hasło.
mail-undo-link = Cofnij zmianę

mail-approved-subject = Konto na { $site } jest gotowe
mail-approved = Konto „{ $name }” na { $site } zostało zatwierdzone. Można się już zalogować.

mail-notice-subject = Konto na { $site } zostało zmienione
mail-new-device-subject = Nowe logowanie na konto na { $site }
mail-notice = Dotyczy konta „{ $name }” na { $site }. { $what }
mail-password-changed = Ma ono nowe hasło.
mail-factor-added = Dodano drugi składnik: { $factor }.
mail-factor-removed = Usunięto drugi składnik: { $factor }.
mail-factors-removed-by-operator = Administrator usunął drugie składniki: { $factors }. Nastąpiło wylogowanie ze wszystkich urządzeń.
mail-recovery-code-used = Do zalogowania użyto kodu odzyskiwania. { $left ->
    [0] Był to ostatni. Nowe można utworzyć na stronie konta.
    [one] Pozostał jeden.
    [few] Pozostały { $left }.
   *[other] Pozostało { $left }.
}
mail-passkey-may-be-copied = Użyto klucza dostępu „{ $name }”, a jego licznik użyć nie wzrósł. Mógł zostać skopiowany. Jeśli użył go ktoś inny, proszę go usunąć.
mail-recovery-codes-made = Utworzono nowe kody odzyskiwania. Stare są nieważne.
mail-new-device = Zalogowano się na urządzeniu, którego dotąd nie używano.
mail-notice-email-changed = Ma ono inny adres: { $address }.
mail-token-made = Utworzono token dla programów: { $token }.
mail-token-removed = Usunięto token dla programów: { $token }.
mail-cause = Stało się to { $date }, urządzenie: { $device }.
mail-cause-from = Stało się to { $date }, z adresu { $address }, urządzenie: { $device }.
mail-notice-after = Jeśli to Pani/Pan, nie trzeba nic robić. W przeciwnym razie proszę zmienić hasło, zakończyć inne sesje na { $link } i powiadomić administratora.
mail-factors-removed-after = Jeśli to nie na Pani/Pana prośbę, proszę powiadomić administratora.

mail-approval-subject = { $name } czeka na zatwierdzenie na { $site }
mail-approval = Osoba odbierająca pocztę pod adresem { $address } zarejestrowała się jako „{ $name }” na { $site } i czeka na zatwierdzenie.
mail-approval-command = Aby zatwierdzić: { $command }
mail-refusal-command = Aby odrzucić: { $command }
mail-test-subject = Poczta z { $site } działa
mail-test = Operator { $site } wysłał tę wiadomość, aby sprawdzić, czy poczta działa. Działa.
