refused-open-page = Abrir la página
refused-confirm-password = Confirmar su contraseña

refused-bad-request-title = Esta solicitud no es válida
refused-bad-request = El motivo técnico, en inglés: { $reason }
refused-plain-http-title = Esta dirección necesita HTTPS
refused-plain-http = La solicitud llegó por HTTP sin cifrar, pero este puerto necesita HTTPS. Use { $address } en su lugar. Si la solicitud contenía una contraseña o un token, otras personas de la red pudieron leerlo: cámbielo.
refused-plain-http-some = La solicitud llegó por HTTP sin cifrar, pero este puerto necesita HTTPS. Use en su lugar una dirección que empiece por https://. Si la solicitud contenía una contraseña o un token, otras personas de la red pudieron leerlo: cámbielo.
refused-sign-in-title = Inicie sesión
refused-sign-in = Su sesión ha terminado. Vuelva a cargar la página para iniciar sesión.
refused-confirm-title = Confirme su contraseña
refused-confirm = Para esto tiene que confirmar de nuevo su contraseña.
refused-forbidden-title = No puede abrir esta página
refused-forbidden = Ha iniciado sesión, pero su cuenta no tiene permiso para esto. Si necesita acceso, consulte a un administrador.
refused-cross-site-title = Esta solicitud vino de otro sitio
refused-cross-site = Otro sitio web envió esta solicitud con su sesión, por lo que se ha bloqueado. Si quiere hacer esto, abra la propia página y hágalo allí.
refused-service-worker-title = Aquí no se permiten service workers
refused-service-worker = Un service worker de esta aplicación podría ocupar el lugar de la página de inicio de sesión. Un administrador puede permitirlo con service_workers.
refused-framed-title = Esta página no se abre en un marco
refused-framed = Ábrala en su propia ventana, para que ninguna otra página pueda taparla.
refused-not-found-title = Página no encontrada
refused-not-found = No hay nada en esta dirección. Compruebe si tiene errores de escritura.
refused-method-title = Esto no funciona aquí
refused-method = La página existe, pero no se puede usar de esta manera.
refused-too-slow-title = Eso tardó demasiado
refused-too-slow = La solicitud no llegó a tiempo. Inténtelo de nuevo.
refused-length-required-title = Falta la longitud
refused-length-required = La solicitud no tiene Content-Length y es mayor de lo que la aplicación acepta sin él. Envíela con Content-Length.
refused-too-large-title = Era demasiado grande
refused-too-large = La solicitud es mayor de lo que acepta este sitio.
refused-uri-too-long-title = Esta dirección es demasiado larga
refused-uri-too-long = La dirección es más larga de lo que acepta este sitio.
refused-media-type-title = Este tipo de contenido no se admite
refused-media-type = Esta página no acepta contenido de este tipo.
refused-misdirected-title = Aquí no hay ningún sitio
refused-misdirected = Este servidor no tiene ningún sitio con este nombre. Compruebe si la dirección tiene errores de escritura.
refused-too-many-attempts-title = Demasiados intentos
refused-too-many-attempts = Ha habido demasiados intentos con una contraseña incorrecta. Inténtelo de nuevo dentro de { $time }.
refused-wrong-connection-title = Esta conexión es para otro sitio
refused-wrong-connection = El navegador abrió esta conexión para otro sitio. Vuelva a cargar la página para abrir una nueva.
refused-head-too-large-title = La solicitud era demasiado grande
refused-head-too-large = La dirección o las cookies son mayores de lo que acepta este sitio. Borrar las cookies de este sitio puede ayudar.
refused-too-busy-title = Demasiado ocupado en este momento
refused-too-busy =
    { $seconds ->
        [one] Muchas personas están iniciando sesión en este momento. Inténtelo de nuevo dentro de un segundo.
       *[other] Muchas personas están iniciando sesión en este momento. Inténtelo de nuevo dentro de { $seconds } segundos.
    }
refused-overloaded = Hay demasiadas solicitudes en curso en este momento. Inténtelo de nuevo dentro de un momento.
refused-unavailable-title = No disponible temporalmente
refused-unavailable = Esto no es posible en este momento. Inténtelo de nuevo dentro de un momento.
refused-bad-gateway-title = No se puede acceder a la aplicación
refused-bad-gateway = Puede que se esté reiniciando. Inténtelo de nuevo dentro de un momento.
refused-gateway-timeout-title = La aplicación no responde
refused-gateway-timeout = Tardó demasiado y puede que esté sobrecargada. Inténtelo de nuevo dentro de un momento.
refused-internal-title = Algo ha fallado
refused-internal = No es culpa suya. Si vuelve a ocurrir, indique a un administrador el número de solicitud de abajo.
