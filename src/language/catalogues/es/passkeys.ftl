### Passkeys: adding one, and signing in with one.

passkey-use = Usar una llave de acceso
passkey-cancelled = No se ha usado ninguna llave de acceso. Inténtelo de nuevo o siga otro camino.
passkey-known = Este dispositivo ya tiene una llave de acceso para su cuenta.
passkey-needs-script-here = Su llave de acceso necesita un navegador con llaves de acceso y JavaScript.
passkey-wrong = Esa llave de acceso no ha iniciado la sesión. Inténtelo de nuevo o siga otro camino.

passkey-add-title = Añadir una llave de acceso · { $host }
passkey-add-heading = Añadir una llave de acceso
passkey-add-lead = Una llave de acceso para { $host } inicia la sesión con su huella, su cara o el PIN de su dispositivo, y no se puede entregar a una página falsa.
passkey-name = Nombre
passkey-name-hint = Para distinguirla de otras más adelante. Si lo deja vacío, recibe el nombre de su fabricante.
passkey-create = Crear una llave de acceso
passkey-add-back = Volver a sus segundos factores
passkey-added-title = Llave de acceso añadida · { $host }
passkey-added-heading = Llave de acceso añadida
passkey-added-lead = A partir de ahora puede iniciar sesión con { $name }.
passkey-added-codes = Estos son sus códigos de recuperación. Cada uno sirve una vez en lugar de su llave de acceso, si la pierde. Anótelos o imprima esta página: no se volverán a mostrar.
passkey-needs-script = Para esto hace falta un navegador con llaves de acceso y JavaScript. Una aplicación de autenticación funciona sin ambos.
passkey-not-added = No se ha podido añadir esa llave de acceso. Inténtelo de nuevo.
passkey-added-already = Esa llave de acceso ya pertenece a una cuenta.
passkey-too-many = Tiene tantos segundos factores como puede tener una cuenta. Quite uno primero.
passkey-name-invalid = Un nombre tiene de 1 a 64 caracteres en una línea.
# The name of a passkey to which its owner has given none.
passkey-added-on = Llave de acceso, añadida el { $date }
