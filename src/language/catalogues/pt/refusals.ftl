refused-open-page = Abrir a página
refused-confirm-password = Confirmar a sua palavra-passe

refused-bad-request-title = Este pedido não é válido
refused-bad-request = O motivo técnico, em inglês: { $reason }
refused-plain-http-title = Este endereço precisa de HTTPS
refused-plain-http = O pedido chegou por HTTP não cifrado, mas esta porta precisa de HTTPS. Use antes { $address }. Se o pedido continha uma palavra-passe ou um token, outras pessoas na rede podem tê-lo lido: substitua-o.
refused-plain-http-some = O pedido chegou por HTTP não cifrado, mas esta porta precisa de HTTPS. Use antes um endereço que comece por https://. Se o pedido continha uma palavra-passe ou um token, outras pessoas na rede podem tê-lo lido: substitua-o.
refused-sign-in-title = Inicie sessão
refused-sign-in = A sua sessão terminou. Recarregue a página para iniciar sessão.
refused-confirm-title = Confirme a sua palavra-passe
refused-confirm = Para isto tem de confirmar novamente a sua palavra-passe.
refused-forbidden-title = Não pode abrir esta página
refused-forbidden = Tem sessão iniciada, mas a sua conta não tem permissão para isto. Se precisa de acesso, contacte um administrador.
refused-cross-site-title = Este pedido veio de outro site
refused-cross-site = Outro site enviou este pedido com a sua sessão, por isso foi bloqueado. Se quiser fazer isto, abra a própria página e faça-o aí.
refused-service-worker-title = Os service workers não são permitidos aqui
refused-service-worker = Um service worker desta aplicação poderia tomar o lugar da página de início de sessão. Um administrador pode permiti-lo com service_workers.
refused-framed-title = Esta página não abre numa moldura
refused-framed = Abra-a numa janela própria, para que nenhuma outra página a possa tapar.
refused-not-found-title = Página não encontrada
refused-not-found = Não há nada neste endereço. Verifique se tem erros de digitação.
refused-method-title = Isto não funciona aqui
refused-method = A página existe, mas não pode ser usada desta forma.
refused-too-slow-title = Isso demorou demasiado
refused-too-slow = O pedido não chegou a tempo. Tente novamente.
refused-length-required-title = Falta o comprimento
refused-length-required = O pedido não tem Content-Length e é maior do que a aplicação aceita sem ele. Envie-o com Content-Length.
refused-too-large-title = Era demasiado grande
refused-too-large = O pedido é maior do que este site aceita.
refused-uri-too-long-title = Este endereço é demasiado longo
refused-uri-too-long = O endereço é mais longo do que este site aceita.
refused-media-type-title = Este tipo de conteúdo não é suportado
refused-media-type = Esta página não aceita conteúdo deste tipo.
refused-misdirected-title = Não há nenhum site aqui
refused-misdirected = Este servidor não tem nenhum site com este nome. Verifique se o endereço tem erros de digitação.
refused-too-many-attempts-title = Demasiadas tentativas
refused-too-many-attempts = Houve demasiadas tentativas com uma palavra-passe incorreta. Tente novamente dentro de { $time }.
refused-wrong-connection-title = Esta ligação é para outro site
refused-wrong-connection = O navegador abriu esta ligação para outro site. Recarregue a página para abrir uma nova.
refused-head-too-large-title = O pedido era demasiado grande
refused-head-too-large = O endereço ou os cookies são maiores do que este site aceita. Apagar os cookies deste site pode ajudar.
refused-too-busy-title = Demasiado ocupado de momento
refused-too-busy =
    { $seconds ->
        [one] Muitas pessoas estão a iniciar sessão neste momento. Tente novamente dentro de um segundo.
       *[other] Muitas pessoas estão a iniciar sessão neste momento. Tente novamente dentro de { $seconds } segundos.
    }
refused-overloaded = Há demasiados pedidos em curso neste momento. Tente novamente dentro de momentos.
refused-unavailable-title = Temporariamente indisponível
refused-unavailable = De momento isto não é possível. Tente novamente dentro de momentos.
refused-bad-gateway-title = Não é possível aceder à aplicação
refused-bad-gateway = Pode estar a reiniciar. Tente novamente dentro de momentos.
refused-gateway-timeout-title = A aplicação não responde
refused-gateway-timeout = Demorou demasiado e pode estar sobrecarregada. Tente novamente dentro de momentos.
refused-internal-title = Algo correu mal
refused-internal = A culpa não é sua. Se voltar a acontecer, indique a um administrador o número do pedido abaixo.
