title-error = Erro:

continue = Continuar
back-to-account = Voltar à sua conta
back-to-application = Voltar à aplicação
your-account = A sua conta
your-applications = As suas aplicações
sign-in = Iniciar sessão
sign-out = Terminar sessão
try-again = Tentar novamente
or = ou

request-id = Pedido { $id }

form-expired = Este formulário expirou. Tente novamente.
