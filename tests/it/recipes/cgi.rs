//! Web servers that run other programs (CGI, `FastCGI`), and applications behind them: `DokuWiki`, gitweb, Nagios.

use http::{Request, header::AUTHORIZATION};

use super::{
    document::{Block, Recipe},
    running::{Application, Folder, gateway, is_root, signed_in, signs_out, tools},
};
use crate::support::{
    gateway::{TestGateway, password},
    process::until,
    visitor::Visitor,
};

#[test]
fn php_behind_nginx_learns_who_asks_from_the_gateway_alone() {
    let folder = Folder::copy_of("cgi");
    folder.run("mkdir public sub");
    folder.run("cp show.php public/show.php");
    let _php = php_fpm(&folder, "");
    let nginx = nginx(&folder, &folder.text(""));
    learns_who_asks(&nginx, "show.php");
}

#[test]
fn cgi_behind_apache_learns_who_asks_from_the_gateway_alone() {
    let folder = Folder::copy_of("cgi");
    folder.run("mkdir public sub");
    folder.run("cp show.cgi public/show.cgi");
    let apache = apache(
        &folder,
        &format!(
            "DocumentRoot {0}\n<Directory {0}>\nRequire all granted\nOptions +ExecCGI\nAddHandler cgi-script .cgi\n</Directory>\n",
            folder.path("").display()
        ),
    );
    learns_who_asks(&apache, "show.cgi");
}

#[test]
fn cgi_behind_lighttpd_learns_who_asks_from_the_gateway_alone() {
    let folder = Folder::copy_of("cgi");
    folder.run("mkdir public sub");
    folder.run("cp show.cgi public/show.cgi");
    let root = folder.text("");
    let lighttpd =
        lighttpd(&folder, &format!("server.document-root = \"{root}\"\ncgi.assign = (\".cgi\" => \"\")\n"));
    learns_who_asks(&lighttpd, "show.cgi");
}

/// A program that shows its variables sees the person and the public address, and no name that a client claims.
fn learns_who_asks(server: &Application, script: &str) {
    let gateway = TestGateway::start(&format!(
        "[[app]]\nhost = \"cgi.example.com\"\nupstream = \"http://127.0.0.1:{}\"\n\
         [[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n",
        server.port
    ));
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    let mut visitor = Visitor::of(&gateway);
    let host = visitor.origin().replace("https://", "");
    let public = format!("/public/{script}");
    let claims = Request::get(&*public).header(AUTHORIZATION, "Basic YWRtaW46YWRtaW4=").body(String::new());
    let shown = visitor.send(claims.expect("a request")).text();
    assert!(shown.contains("REMOTE_USER=none\n"), "a stranger with a name of Basic authentication:\n{shown}");

    visitor.sign_in("alice", &password("alice"));
    let claims = Request::get(&*public).header(AUTHORIZATION, "Basic YWRtaW46YWRtaW4=").body(String::new());
    let shown = visitor.send(claims.expect("a request")).text();
    assert!(shown.contains("REMOTE_USER=alice\n"), "{shown}");
    let path = format!("/{script}");
    let shown = visitor.submit(&path, &[("word", "hello")]).text();
    let wanted = format!(
        "REMOTE_USER=alice\nHTTPS=on\nREMOTE_ADDR=127.0.0.1\nHTTP_HOST={host}\nREQUEST_METHOD=POST\nword=hello"
    );
    assert_eq!(shown, wanted);
    assert_eq!(visitor.get(&format!("{path}?away")).location(), format!("https://{host}{path}?back"));
    // The server's own redirect, for a folder without its slash.
    let folder = visitor.get("/sub").location().to_owned();
    assert!(folder == "/sub/" || folder == format!("https://{host}/sub/"), "{folder}");
    signs_out(&mut visitor, &path);
}

#[test]
fn dokuwiki_knows_who_edits_a_page() {
    let recipe = Recipe::of("DokuWiki");
    let folder = Folder::new();
    let data = [
        "pages",
        "attic",
        "media",
        "media_attic",
        "media_meta",
        "meta",
        "cache",
        "index",
        "locks",
        "tmp",
        "log",
    ];
    folder.make(&data.map(|name| format!("data/{name}")).each_ref().map(|name| &**name));
    folder.make(&["sessions", "plugins"]);
    folder.run("sh -c 'ln -s $(ls -d /var/lib/dokuwiki/lib/plugins/*/ | grep -v testing) plugins/'");
    folder.write("plugins/authgateway/auth.php", recipe.nth("php", 0).text());
    folder.write("plugins/authgateway/plugin.info.txt", recipe.block("text").text());
    folder.write("conf/local.php", recipe.nth("php", 1).text());
    folder.append("conf/local.php", &format!("$conf[\"savedir\"] = \"{}\";\n", folder.text("data")));
    folder.write("conf/acl.auth.php", "*\t@ALL\t0\n*\t@user\t8\n");
    folder.write(
        "prepend.php",
        &format!(
            "<?php\ndefine(\"DOKU_CONF\", \"{0}/conf/\");\ndefine(\"DOKU_PLUGIN\", \"{0}/plugins/\");\n",
            folder.text("").trim_end_matches('/')
        ),
    );
    let prepend = format!(
        "php_admin_value[auto_prepend_file] = {}\nphp_admin_value[session.save_path] = {}\n",
        folder.text("prepend.php"),
        folder.text("sessions")
    );
    let _php = php_fpm(&folder, &prepend);
    let nginx = nginx(&folder, "/usr/share/dokuwiki");
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8080", &nginx);
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(visitor.get("/").location(), "/doku.php?id=start");
    let page = visitor.get("/doku.php?id=notes&do=edit");
    assert!(page.text().contains("<bdi>alice</bdi>"), "{}", page.text());
    let names = ["sectok", "id", "rev", "date", "prefix", "suffix", "changecheck", "target"];
    let values = names.map(|name| page.field(name));
    let mut fields: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
    fields.extend([("wikitext", "written behind a gateway"), ("summary", ""), ("do[save]", "1")]);
    let saved = visitor.submit("/doku.php", &fields);
    assert_eq!(saved.status, 302, "{}", saved.text());
    let at = saved.location().replace(&visitor.origin(), "");
    assert!(at.starts_with("/doku.php?id=notes"), "{at}");
    assert!(visitor.get("/doku.php?id=notes").text().contains("written behind a gateway"));

    let out = visitor.get(&format!("/doku.php?id=notes&do=logout&sectok={}", values[0]));
    assert!(out.location().ends_with("/.gateway/logout"), "{} {:?}", out.status, out.headers);
    signs_out(&mut visitor, "/doku.php?id=notes");
    visitor.sign_in("bob", &password("bob"));
    let page = visitor.get("/doku.php?id=notes").text();
    assert!(page.contains("<bdi>bob</bdi>"), "the next person in the same browser");
}

#[test]
fn gitweb_makes_links_to_the_public_address() {
    let recipe = Recipe::of("gitweb");
    let folder = Folder::new();
    folder.make(&["git"]);
    folder.run(
        "sh -c 'git init -q --bare git/demo.git && git init -q work && cd work && echo hello > file && git add file \
         && git -c user.name=alice -c user.email=alice@example.com commit -qm \"The first change\" \
         && git push -q ../git/demo.git HEAD:refs/heads/master && git -C ../git/demo.git symbolic-ref HEAD refs/heads/master'",
    );
    folder.write("gitweb.conf", &format!("our $projectroot = \"{}\";\n1;\n", folder.text("git")));
    let more = format!(
        "setenv.add-environment = (\"GITWEB_CONFIG\" => \"{}\")\n{}",
        folder.text("gitweb.conf"),
        recipe.block("lighttpd").text()
    );
    let lighttpd = lighttpd(&folder, &format!("server.document-root = \"{}\"\n{more}", folder.text("git")));
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8080", &lighttpd);
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(visitor.get("/").location(), "/gitweb/");
    let feed = visitor.get("/gitweb/?p=demo.git;a=atom").text();
    assert!(feed.contains("The first change"), "{feed}");
    let link = format!("href=\"{}/gitweb/?p=demo.git", visitor.origin());
    assert!(feed.contains(&link) && !feed.contains("href=\"http://git"), "{feed}");
    let search = [("p", "demo.git"), ("a", "search"), ("st", "author"), ("s", "alice")];
    let found = visitor.submit("/gitweb/", &search).text();
    assert!(found.contains("The first change"), "{found}");

    signs_out(&mut visitor, "/gitweb/?p=demo.git;a=summary");
}

#[test]
fn nagios_takes_commands_from_those_who_may_give_them() {
    let recipe = Recipe::of("Nagios");
    let folder = Folder::copy_of("nagios");
    folder.copy(&tools().with_file_name("nagios"), "nagios4");
    folder.make(&["run", "run/rw", "run/spool", "run/log"]);
    let here = folder.text("");
    let here = here.trim_end_matches('/');
    folder.run(&format!("sed -i 's|FOLDER|{here}|' nagios.cfg"));
    folder.run("chmod -R a+rX .");
    let nagios = folder.command(&format!("nagios4/usr/sbin/nagios4 {here}/nagios.cfg"));
    let _nagios = folder.start_until_file("nagios", "run/rw/nagios.cmd", nagios);
    let own = format!(
        "main_config_file={here}/nagios.cfg\nphysical_html_path={here}/nagios4/usr/share/nagios4/htdocs\n\
         url_html_path=/nagios4\n"
    );
    folder.write("cgi.cfg", &format!("{own}{}", recipe.block("ini").text()));
    let site = recipe
        .block("apache")
        .with("/usr/lib/cgi-bin/nagios4", &format!("{here}/nagios4/usr/lib/cgi-bin/nagios4"))
        .with("/usr/share/nagios4", &format!("{here}/nagios4/usr/share/nagios4"))
        .with("/etc/nagios4/stylesheets", &format!("{here}/nagios4/etc/nagios4/stylesheets"));
    let apache = apache(&folder, &format!("SetEnv NAGIOS_CGI_CONFIG {here}/cgi.cfg\n{}", site.text()));
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8080", &apache);

    let status = "/cgi-bin/nagios4/status.cgi?host=all";
    let mut bob = signed_in(&gateway, "bob");
    until("Nagios has written its first status", || bob.get(status).text().contains("permission to view"));
    assert!(!bob.get(status).text().contains("web1"));
    let mut visitor = signed_in(&gateway, "alice");
    let shown = visitor.get(status).text();
    assert!(shown.contains("Logged in as <i>alice</i>") && shown.contains("web1"), "{shown}");
    assert_eq!(visitor.get("/nagios4").location(), format!("{}/nagios4/", visitor.origin()));

    let form = visitor.get("/cgi-bin/nagios4/cmd.cgi?cmd_typ=1&host=web1").text();
    let id = form.split_once("NAME='nagFormId' VALUE='").and_then(|(_, rest)| rest.split('\'').next());
    let id = id.unwrap_or_else(|| panic!("no form: {form}"));
    let fields = [
        ("nagFormId", id),
        ("cmd_typ", "1"),
        ("cmd_mod", "2"),
        ("host", "web1"),
        ("com_data", "seen by alice"),
        ("btnSubmit", "Commit"),
    ];
    let done = visitor.submit("/cgi-bin/nagios4/cmd.cgi", &fields).text();
    assert!(done.contains("successfully submitted"), "{done}");
    until("the comment is there", || {
        visitor.get("/cgi-bin/nagios4/extinfo.cgi?type=1&host=web1").text().contains("seen by alice")
    });

    signs_out(&mut visitor, status);
}

/// The server of PHP on the socket `php.sock` of the folder.
fn php_fpm(folder: &Folder, more: &str) -> Application {
    let pool = format!(
        "[global]\ndaemonize = no\nerror_log = /dev/stderr\n\
         [www]\nlisten = {}\nlisten.mode = 0666\npm = static\npm.max_children = 2\ncatch_workers_output = yes\n{}{more}",
        folder.text("php.sock"),
        if is_root() { "user = root\n" } else { "" }
    );
    folder.write("fpm.conf", &pool);
    let root = if is_root() { "-R" } else { "" };
    let command = folder
        .command(&format!("$(ls /usr/sbin/php-fpm* | tail -1) {root} -F -y {}", folder.text("fpm.conf")));
    folder.start_on_socket("php-fpm", "php.sock", command)
}

/// nginx as the document says, with this root.
fn nginx(folder: &Folder, root: &str) -> Application {
    let recipe = Recipe::of("nginx and FastCGI");
    let user = if is_root() { "user root;\n" } else { "" };
    let path = |name: &str| folder.text(name);
    let main = format!(
        "{user}daemon off;\npid {};\nerror_log stderr;\nworker_processes 1;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {};\nproxy_temp_path {};\nfastcgi_temp_path {};\nuwsgi_temp_path {};\nscgi_temp_path {};\n\
         include {};\n}}\n",
        path("nginx.pid"),
        path("t1"),
        path("t2"),
        path("t3"),
        path("t4"),
        path("t5"),
        path("site.conf")
    );
    folder.write("nginx.conf", &main);
    folder.start("nginx", |port| {
        let site = recipe
            .block("nginx")
            .with("127.0.0.1:8080", &format!("127.0.0.1:{port}"))
            .with("/run/php/php8.2-fpm.sock", &path("php.sock"))
            .with("root /srv/www;", &format!("root {root};"));
        folder.write("site.conf", site.text());
        folder.command(&format!("nginx -e stderr -c {}", path("nginx.conf")))
    })
}

/// Apache as the document says, with these directives for the application.
fn apache(folder: &Folder, application: &str) -> Application {
    let recipe = Recipe::of("Apache");
    let modules = ["mpm_event", "authz_core", "setenvif", "env", "remoteip", "mime", "dir", "alias", "cgid"];
    let modules =
        modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let path = |name: &str| folder.text(name);
    let whom = if is_root() { "User www-data\nGroup www-data\n" } else { "" };
    folder.start("apache", |port| {
        let site: Block = recipe
            .block("apache")
            .with("127.0.0.1:8080", &format!("127.0.0.1:{port}"))
            .with("    # The directives of the application follow.\n", application);
        let main = format!(
            "{}ServerRoot {}\nServerName localhost\nMutex file:{}\nPidFile {}\nScriptSock {}\nErrorLog /dev/stderr\n\
             TypesConfig /dev/null\n{whom}Listen 127.0.0.1:{port}\n{}",
            modules.concat(), path(""), path(""), path("apache.pid"), path("cgid.sock"), site.text()
        );
        folder.write("apache.conf", &main);
        folder.command(&format!("apache2 -f {} -DFOREGROUND", path("apache.conf")))
    })
}

/// lighttpd as the document says, with these further settings.
fn lighttpd(folder: &Folder, more: &str) -> Application {
    let recipe = Recipe::of("lighttpd");
    folder.write("gateway.lua", recipe.block("lua").text());
    folder.start("lighttpd", |port| {
        let main = recipe
            .block("lighttpd")
            .with("server.port = 8080", &format!("server.port = {port}"))
            .with("/etc/lighttpd/gateway.lua", &folder.text("gateway.lua"));
        folder.write("lighttpd.conf", &format!("{}{more}", main.text()));
        folder.command("lighttpd -D -f lighttpd.conf")
    })
}
