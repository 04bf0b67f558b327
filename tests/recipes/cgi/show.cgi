#!/bin/sh
# A program of CGI that says who asks and how it thinks that it is reached; `?away` redirects.
if [ "$QUERY_STRING" = away ]; then
    printf 'Status: 302 Found\r\nLocation: https://%s%s?back\r\n\r\n' "$HTTP_HOST" "$SCRIPT_NAME"
    exit
fi
printf 'Content-Type: text/plain\r\n\r\n'
for name in REMOTE_USER HTTPS REMOTE_ADDR HTTP_HOST REQUEST_METHOD; do
    eval "value=\${$name-none}"
    printf '%s=%s\n' "$name" "$value"
done
[ "$REQUEST_METHOD" = POST ] && head -c "$CONTENT_LENGTH"
exit 0
