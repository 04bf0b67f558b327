title-error = Error:

continue = Continuar
back-to-account = Volver a su cuenta
back-to-application = Volver a la aplicación
your-account = Su cuenta
your-applications = Sus aplicaciones
sign-in = Iniciar sesión
sign-out = Cerrar sesión
try-again = Intentar de nuevo
or = o

request-id = Solicitud { $id }

form-expired = Este formulario ha caducado. Inténtelo de nuevo.
