<?php
// A page that says who asks and how it thinks that it is reached; `?away` redirects.
if (($_SERVER["QUERY_STRING"] ?? "") === "away") {
    header("Location: https://{$_SERVER["HTTP_HOST"]}{$_SERVER["SCRIPT_NAME"]}?back");
    exit;
}
header("Content-Type: text/plain");
foreach (["REMOTE_USER", "HTTPS", "REMOTE_ADDR", "HTTP_HOST", "REQUEST_METHOD"] as $name) {
    $value = $_SERVER[$name] ?? "";
    echo "$name=" . ($value === "" ? "none" : $value) . "\n";
}
readfile("php://input");
