refused-open-page = Ouvrir la page
refused-confirm-password = Confirmer votre mot de passe

refused-bad-request-title = Cette requête n’est pas valable
refused-bad-request = La raison technique, en anglais : { $reason }
refused-plain-http-title = Cette adresse exige HTTPS
refused-plain-http = La requête est arrivée en HTTP non chiffré, mais ce port exige HTTPS. Utilisez plutôt { $address }. Si la requête contenait un mot de passe ou un jeton, d’autres personnes sur le réseau ont pu le lire : remplacez-le.
refused-plain-http-some = La requête est arrivée en HTTP non chiffré, mais ce port exige HTTPS. Utilisez plutôt une adresse qui commence par https://. Si la requête contenait un mot de passe ou un jeton, d’autres personnes sur le réseau ont pu le lire : remplacez-le.
refused-sign-in-title = Veuillez vous connecter
refused-sign-in = Votre session est terminée. Rechargez la page pour vous connecter.
refused-confirm-title = Veuillez confirmer votre mot de passe
refused-confirm = Pour cela, vous devez confirmer à nouveau votre mot de passe.
refused-forbidden-title = Vous ne pouvez pas ouvrir cette page
refused-forbidden = Vous êtes connecté, mais votre compte n’y est pas autorisé. Si vous avez besoin d’un accès, adressez-vous à un administrateur.
refused-cross-site-title = Cette requête venait d’un autre site
refused-cross-site = Un autre site web a envoyé cette requête avec votre session, elle a donc été bloquée. Si vous souhaitez faire cela, ouvrez la page elle-même et faites-le là.
refused-service-worker-title = Les service workers ne sont pas autorisés ici
refused-service-worker = Un service worker de cette application pourrait prendre la place de la page de connexion. Un administrateur peut l’autoriser avec service_workers.
refused-framed-title = Cette page ne s’ouvre pas dans un cadre
refused-framed = Ouvrez-la dans sa propre fenêtre, afin qu’aucune autre page ne puisse la recouvrir.
refused-not-found-title = Page introuvable
refused-not-found = Il n’y a rien à cette adresse. Vérifiez qu’elle ne contient pas de faute de frappe.
refused-method-title = Cela ne fonctionne pas ici
refused-method = La page existe, mais elle ne peut pas être utilisée de cette façon.
refused-too-slow-title = Cela a duré trop longtemps
refused-too-slow = La requête n’est pas arrivée à temps. Veuillez réessayer.
refused-length-required-title = La longueur manque
refused-length-required = La requête n’a pas de Content-Length, et elle est plus grande que ce que l’application accepte sans cette indication. Envoyez-la avec un Content-Length.
refused-too-large-title = C’était trop volumineux
refused-too-large = La requête est plus volumineuse que ce que ce site accepte.
refused-uri-too-long-title = Cette adresse est trop longue
refused-uri-too-long = L’adresse est plus longue que ce que ce site accepte.
refused-media-type-title = Ce type de contenu n’est pas pris en charge
refused-media-type = Cette page n’accepte pas de contenu de ce type.
refused-misdirected-title = Il n’y a pas de site ici
refused-misdirected = Ce serveur n’a pas de site de ce nom. Vérifiez que l’adresse ne contient pas de faute de frappe.
refused-too-many-attempts-title = Trop de tentatives
refused-too-many-attempts = Il y a eu trop de tentatives avec un mot de passe incorrect. Veuillez réessayer dans { $time }.
refused-wrong-connection-title = Cette connexion est destinée à un autre site
refused-wrong-connection = Le navigateur a ouvert cette connexion pour un autre site. Rechargez la page pour en ouvrir une nouvelle.
refused-head-too-large-title = La requête était trop volumineuse
refused-head-too-large = L’adresse ou les cookies sont plus volumineux que ce que ce site accepte. Supprimer les cookies de ce site peut aider.
refused-too-busy-title = Trop occupé pour le moment
refused-too-busy =
    { $seconds ->
        [one] De nombreuses personnes se connectent en ce moment. Veuillez réessayer dans une seconde.
       *[other] De nombreuses personnes se connectent en ce moment. Veuillez réessayer dans { $seconds } secondes.
    }
refused-overloaded = Trop de requêtes sont en cours en ce moment. Veuillez réessayer dans quelques instants.
refused-unavailable-title = Temporairement indisponible
refused-unavailable = Cela n’est pas possible pour le moment. Veuillez réessayer dans quelques instants.
refused-bad-gateway-title = L’application est injoignable
refused-bad-gateway = Elle redémarre peut-être. Veuillez réessayer dans quelques instants.
refused-gateway-timeout-title = L’application ne répond pas
refused-gateway-timeout = Elle a mis trop de temps et est peut-être surchargée. Veuillez réessayer dans quelques instants.
refused-internal-title = Une erreur s’est produite
refused-internal = Vous n’y êtes pour rien. Si cela se reproduit, communiquez à un administrateur le numéro de requête ci-dessous.
