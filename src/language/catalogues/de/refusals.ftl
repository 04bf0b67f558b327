refused-open-page = Seite öffnen
refused-confirm-password = Passwort bestätigen

refused-bad-request-title = Diese Anfrage ist ungültig
refused-bad-request = Der technische Grund, auf Englisch: { $reason }
refused-plain-http-title = Diese Adresse braucht HTTPS
refused-plain-http = Die Anfrage kam unverschlüsselt über HTTP, aber dieser Port braucht HTTPS. Verwenden Sie stattdessen { $address }. Falls die Anfrage ein Passwort oder ein Token enthielt, konnten andere im Netz es lesen: Ersetzen Sie es.
refused-plain-http-some = Die Anfrage kam unverschlüsselt über HTTP, aber dieser Port braucht HTTPS. Verwenden Sie stattdessen eine Adresse, die mit https:// beginnt. Falls die Anfrage ein Passwort oder ein Token enthielt, konnten andere im Netz es lesen: Ersetzen Sie es.
refused-sign-in-title = Bitte melden Sie sich an
refused-sign-in = Ihre Sitzung ist beendet. Laden Sie die Seite neu, um sich anzumelden.
refused-confirm-title = Bitte bestätigen Sie Ihr Passwort
refused-confirm = Dafür müssen Sie Ihr Passwort noch einmal bestätigen.
refused-forbidden-title = Sie dürfen diese Seite nicht öffnen
refused-forbidden = Sie sind angemeldet, aber Ihr Konto darf das nicht. Wenn Sie Zugang brauchen, wenden Sie sich an die Administration.
refused-cross-site-title = Diese Anfrage kam von einer anderen Website
refused-cross-site = Eine andere Website hat diese Anfrage mit Ihrer Sitzung gesendet, deshalb wurde sie blockiert. Wenn Sie das tun wollen, öffnen Sie die Seite selbst und tun Sie es dort.
refused-service-worker-title = Service Worker sind hier nicht erlaubt
refused-service-worker = Ein Service Worker dieser Anwendung könnte sich an die Stelle der Anmeldeseite setzen. Die Administration kann ihn mit service_workers erlauben.
refused-framed-title = Diese Seite öffnet sich nicht in einem Rahmen
refused-framed = Öffnen Sie sie in einem eigenen Fenster, damit keine andere Seite sie verdecken kann.
refused-not-found-title = Seite nicht gefunden
refused-not-found = Unter dieser Adresse gibt es nichts. Prüfen Sie sie auf Tippfehler.
refused-method-title = Das geht hier nicht
refused-method = Die Seite gibt es, aber sie lässt sich so nicht verwenden.
refused-too-slow-title = Das hat zu lange gedauert
refused-too-slow = Die Anfrage kam nicht rechtzeitig an. Bitte versuchen Sie es noch einmal.
refused-length-required-title = Die Längenangabe fehlt
refused-length-required = Die Anfrage hat keine Content-Length und ist größer, als die Anwendung sie ohne annimmt. Senden Sie sie mit Content-Length.
refused-too-large-title = Das war zu groß
refused-too-large = Die Anfrage ist größer, als diese Website sie annimmt.
refused-uri-too-long-title = Diese Adresse ist zu lang
refused-uri-too-long = Die Adresse ist länger, als diese Website sie annimmt.
refused-media-type-title = Diese Art von Inhalt wird nicht unterstützt
refused-media-type = Diese Seite nimmt keine Inhalte dieser Art an.
refused-misdirected-title = Hier gibt es keine Website
refused-misdirected = Dieser Server hat keine Website mit diesem Namen. Prüfen Sie die Adresse auf Tippfehler.
refused-too-many-attempts-title = Zu viele Versuche
refused-too-many-attempts = Es gab zu viele Versuche mit einem falschen Passwort. Bitte versuchen Sie es in { $time } noch einmal.
refused-wrong-connection-title = Diese Verbindung gehört zu einer anderen Website
refused-wrong-connection = Der Browser hat diese Verbindung für eine andere Website geöffnet. Laden Sie die Seite neu, um eine neue zu öffnen.
refused-head-too-large-title = Die Anfrage war zu groß
refused-head-too-large = Die Adresse oder die Cookies sind größer, als diese Website sie annimmt. Vielleicht hilft es, die Cookies dieser Website zu löschen.
refused-too-busy-title = Zurzeit überlastet
refused-too-busy =
    { $seconds ->
        [one] Zurzeit melden sich viele Menschen an. Bitte versuchen Sie es in einer Sekunde noch einmal.
       *[other] Zurzeit melden sich viele Menschen an. Bitte versuchen Sie es in { $seconds } Sekunden noch einmal.
    }
refused-overloaded = Zurzeit sind zu viele Anfragen in Arbeit. Bitte versuchen Sie es in Kürze noch einmal.
refused-unavailable-title = Vorübergehend nicht verfügbar
refused-unavailable = Das ist zurzeit nicht möglich. Bitte versuchen Sie es in Kürze noch einmal.
refused-bad-gateway-title = Die Anwendung ist nicht erreichbar
refused-bad-gateway = Vielleicht startet sie gerade neu. Bitte versuchen Sie es in Kürze noch einmal.
refused-gateway-timeout-title = Die Anwendung antwortet nicht
refused-gateway-timeout = Es hat zu lange gedauert; vielleicht ist sie überlastet. Bitte versuchen Sie es in Kürze noch einmal.
refused-internal-title = Etwas ist schiefgegangen
refused-internal = Das liegt nicht an Ihnen. Wenn es wieder geschieht, nennen Sie der Administration die Nummer der Anfrage unten.
