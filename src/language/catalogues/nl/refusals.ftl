refused-open-page = De pagina openen
refused-confirm-password = Uw wachtwoord bevestigen

refused-bad-request-title = Dit verzoek is ongeldig
refused-bad-request = De technische reden, in het Engels: { $reason }
refused-plain-http-title = Dit adres vereist HTTPS
refused-plain-http = Het verzoek kwam onversleuteld via HTTP, maar deze poort vereist HTTPS. Gebruik in plaats daarvan { $address }. Als het verzoek een wachtwoord of een token bevatte, konden anderen op het netwerk het lezen: vervang het.
refused-plain-http-some = Het verzoek kwam onversleuteld via HTTP, maar deze poort vereist HTTPS. Gebruik in plaats daarvan een adres dat met https:// begint. Als het verzoek een wachtwoord of een token bevatte, konden anderen op het netwerk het lezen: vervang het.
refused-sign-in-title = Log in
refused-sign-in = Uw sessie is beëindigd. Laad de pagina opnieuw om in te loggen.
refused-confirm-title = Bevestig uw wachtwoord
refused-confirm = Hiervoor moet u uw wachtwoord opnieuw bevestigen.
refused-forbidden-title = U kunt deze pagina niet openen
refused-forbidden = U bent ingelogd, maar uw account mag dit niet. Als u toegang nodig hebt, neem dan contact op met een beheerder.
refused-cross-site-title = Dit verzoek kwam van een andere site
refused-cross-site = Een andere website heeft dit verzoek met uw sessie verzonden, daarom is het geblokkeerd. Als u dit wilt doen, open dan de pagina zelf en doe het daar.
refused-service-worker-title = Service workers zijn hier niet toegestaan
refused-service-worker = Een service worker van deze toepassing zou de plaats van de inlogpagina kunnen innemen. Een beheerder kan het toestaan met service_workers.
refused-framed-title = Deze pagina opent niet in een frame
refused-framed = Open haar in een eigen venster, zodat geen andere pagina haar kan bedekken.
refused-not-found-title = Pagina niet gevonden
refused-not-found = Op dit adres is niets. Controleer het op typefouten.
refused-method-title = Dit werkt hier niet
refused-method = De pagina bestaat, maar kan niet op deze manier worden gebruikt.
refused-too-slow-title = Dat duurde te lang
refused-too-slow = Het verzoek kwam niet op tijd aan. Probeer het opnieuw.
refused-length-required-title = De lengte ontbreekt
refused-length-required = Het verzoek heeft geen Content-Length en is groter dan de toepassing zonder accepteert. Verzend het met een Content-Length.
refused-too-large-title = Dat was te groot
refused-too-large = Het verzoek is groter dan deze site accepteert.
refused-uri-too-long-title = Dit adres is te lang
refused-uri-too-long = Het adres is langer dan deze site accepteert.
refused-media-type-title = Dit soort inhoud wordt niet ondersteund
refused-media-type = Deze pagina accepteert geen inhoud van dit type.
refused-misdirected-title = Hier is geen site
refused-misdirected = Deze server heeft geen site met deze naam. Controleer het adres op typefouten.
refused-too-many-attempts-title = Te veel pogingen
refused-too-many-attempts = Er zijn te veel pogingen met een onjuist wachtwoord geweest. Probeer het over { $time } opnieuw.
refused-wrong-connection-title = Deze verbinding is voor een andere site
refused-wrong-connection = De browser heeft deze verbinding voor een andere site geopend. Laad de pagina opnieuw om een nieuwe te openen.
refused-head-too-large-title = Het verzoek was te groot
refused-head-too-large = Het adres of de cookies zijn groter dan deze site accepteert. De cookies van deze site wissen kan helpen.
refused-too-busy-title = Op dit moment te druk
refused-too-busy =
    { $seconds ->
        [one] Op dit moment loggen veel mensen in. Probeer het over een seconde opnieuw.
       *[other] Op dit moment loggen veel mensen in. Probeer het over { $seconds } seconden opnieuw.
    }
refused-overloaded = Op dit moment zijn te veel verzoeken in behandeling. Probeer het over enkele ogenblikken opnieuw.
refused-unavailable-title = Tijdelijk niet beschikbaar
refused-unavailable = Dit is op dit moment niet mogelijk. Probeer het over enkele ogenblikken opnieuw.
refused-bad-gateway-title = De toepassing is niet bereikbaar
refused-bad-gateway = Misschien wordt zij opnieuw gestart. Probeer het over enkele ogenblikken opnieuw.
refused-gateway-timeout-title = De toepassing reageert niet
refused-gateway-timeout = Het duurde te lang; misschien is zij overbelast. Probeer het over enkele ogenblikken opnieuw.
refused-internal-title = Er is iets misgegaan
refused-internal = Dit ligt niet aan u. Als het weer gebeurt, geef een beheerder dan het nummer van het verzoek hieronder.
