title-error = Erreur :

continue = Continuer
back-to-account = Retour à votre compte
back-to-application = Retour à l’application
your-account = Votre compte
your-applications = Vos applications
sign-in = Se connecter
sign-out = Se déconnecter
try-again = Réessayer
or = ou

request-id = Requête { $id }

form-expired = Ce formulaire a expiré. Veuillez réessayer.
