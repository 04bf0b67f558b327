### Refusals: what happened, in a few words, and what to do. Problem documents for programs have the English ones.

refused-open-page = Open the page
refused-confirm-password = Confirm your password

refused-bad-request-title = This request isn’t valid
# $reason is a technical reason in English.
refused-bad-request = { $reason }
refused-plain-http-title = This address needs HTTPS
# $address begins with https://
refused-plain-http = The request came as plain HTTP, but this port needs HTTPS. Use { $address } instead. If the request contained a password or a token, others on the network could read it: replace it.
refused-plain-http-some = The request came as plain HTTP, but this port needs HTTPS. Use an address that begins with https:// instead. If the request contained a password or a token, others on the network could read it: replace it.
refused-sign-in-title = Please sign in
# An application may show this text in a page that was open before.
refused-sign-in = You are not signed in, or your session has ended. Reload the page to sign in.
refused-confirm-title = Please confirm your password
refused-confirm = For this you have to confirm your password again.
refused-wrong-credential-title = This credential isn’t valid
refused-wrong-credential = The credential in the Authorization header is wrong, has ended, or is not accepted here.
refused-bound-token = The access token in the Authorization header is bound to a client certificate or to a key (DPoP). This request does not show that certificate, or the binding cannot be checked here.
refused-token-needed-title = A token is needed
refused-token-needed = This account has a second factor or needs one, so that its password alone is not accepted. Make a token on the account page, and use it in place of the password.
refused-forbidden-title = You can’t open this page
refused-forbidden = You are signed in, but your account is not allowed to do this. If you need access, ask an administrator.
refused-forbidden-to-program-title = This credential does not open this
refused-forbidden-to-program = The credential is valid, but its owner may not do this, it was made for other applications, paths or methods, or a person has to confirm this.
refused-no-certificate-title = This page needs your certificate
refused-no-certificate = Your browser has shown no certificate that belongs to you here. If you have one, close the browser and open the page again; the browser then asks which certificate to use.
refused-no-certificate-by-proxy = It needs a client certificate, and the server in front of the gateway cannot pass one on. The operator of this site has to serve the page without that server.
refused-cross-site-title = This request came from another site
refused-cross-site = Another website sent this request with your session, so it was blocked. If you want to do this, open the page itself and do it there.
refused-service-worker-title = Service workers aren’t allowed here
refused-service-worker = A service worker of this application could take the place of the sign-in page. An administrator can allow it with service_workers.
refused-framed-title = This page doesn’t open in a frame
refused-framed = Open it in its own window, so that no other page can cover it.
refused-not-found-title = Page not found
refused-not-found = There is nothing at this address. Check it for typing errors.
refused-method-title = This doesn’t work here
refused-method = The page exists, but it can’t be used in this way.
refused-too-slow-title = That took too long
refused-too-slow = The request did not arrive in time. Please try again.
refused-length-required-title = The length is missing
refused-length-required = The request has no Content-Length, and it is larger than the application accepts without one. Send it with a Content-Length.
refused-too-large-title = That was too large
refused-too-large = The request is larger than this site accepts.
refused-uri-too-long-title = This address is too long
refused-uri-too-long = The address is longer than this site accepts.
refused-media-type-title = This kind of content isn’t supported
refused-media-type = This page does not accept content of this type.
refused-misdirected-title = There is no site here
refused-misdirected = This server has no site with this name. Check the address for typing errors.
refused-too-many-attempts-title = Too many attempts
# $time is a waiting time: “5 minutes”.
refused-too-many-attempts = Too many attempts with a wrong password. Please try again in { $time }.
refused-wrong-connection-title = This connection is for another site
refused-wrong-connection = The browser opened this connection for another site. Reload the page to open a new one.
refused-head-too-large-title = The request was too large
refused-head-too-large = The address or the cookies are larger than this site accepts. Clearing the cookies of this site may help.
refused-too-busy-title = Too busy right now
refused-too-busy =
    { $seconds ->
        [one] Many people are signing in at the moment. Please try again in a second.
       *[other] Many people are signing in at the moment. Please try again in { $seconds } seconds.
    }
refused-overloaded = Too many requests are in progress at the moment. Please try again in a little while.
refused-unavailable-title = Temporarily unavailable
refused-unavailable = This can’t be done at the moment. Please try again in a little while.
refused-bad-gateway-title = The application can’t be reached
refused-bad-gateway = It may be restarting. Please try again in a little while.
refused-gateway-timeout-title = The application isn’t answering
refused-gateway-timeout = It took too long and may be overloaded. Please try again in a little while.
refused-internal-title = Something went wrong
refused-internal = This is not your fault. If it happens again, tell an administrator the request number below.
