//! Django, Flask-AppBuilder, Jupyter, `MoinMoin`, Radicale and `WsgiDAV`.

use http::Method;
use tokio_tungstenite::tungstenite::Message;

use super::{
    document::Recipe,
    running::{Application, Folder, ends, gateway, open_socket, send, signed_in, signs_out, wait_for},
};
use crate::support::gateway::password;

#[test]
fn django_takes_forms_and_redirects_to_the_public_address() {
    let recipe = Recipe::of("Django");
    let folder = Folder::copy_of("django");
    folder.write("mysite/gateway.py", recipe.nth("python", 0).text());
    folder.append("mysite/settings.py", recipe.nth("python", 1).text());
    folder.run("env DJANGO_SETTINGS_MODULE=mysite.settings python -m django migrate --verbosity 0");
    let django = folder.start("django", |port| {
        let address = format!("127.0.0.1:{port}");
        let mut command = folder.command(recipe.block("sh").with("127.0.0.1:8000", &address).text());
        // gunicorn would believe the headers of this machine; the settings have to do without.
        command.env("FORWARDED_ALLOW_IPS", "192.0.2.1");
        command
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8000", &django);
    let mut visitor = signed_in(&gateway, "alice");

    let page = visitor.get("/note/");
    assert!(page.text().contains("hello alice"), "{}", page.text());
    let csrf = page.field("csrfmiddlewaretoken");
    let fields = [("csrfmiddlewaretoken", &*csrf), ("text", "hello")];
    let origin = visitor.origin();
    let written = visitor.submit_with("/note/", &fields, &[("origin", &origin), ("referer", &origin)]);
    assert_eq!(written.text(), format!("alice wrote hello at {origin}/note/"));

    assert_eq!(visitor.get("/note").location(), "/note/");
    assert_eq!(visitor.get("/away/").location(), format!("{origin}/note/"));

    let cookie = visitor.get("/note/").field("csrfmiddlewaretoken");
    let out = visitor.submit("/logout/", &[("csrfmiddlewaretoken", &cookie)]);
    assert_eq!((out.status.as_u16(), out.location()), (302, "/.gateway/logout"));
    signs_out(&mut visitor, "/note/");
    visitor.sign_in("bob", &password("bob"));
    assert!(visitor.get("/note/").text().contains("hello bob"), "the next person in the same browser");
}

#[test]
fn flask_appbuilder_takes_forms_and_follows_who_is_signed_in() {
    let recipe = Recipe::of("Flask-AppBuilder");
    let folder = Folder::copy_of("flask_appbuilder");
    folder.write("config.py", recipe.nth("python", 0).text());
    folder.write("gateway.py", recipe.nth("python", 1).text());
    let application = folder.start("flask-appbuilder", |port| {
        folder.command(recipe.block("sh").with("127.0.0.1:8000", &format!("127.0.0.1:{port}")).text())
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8000", &application);
    let mut visitor = signed_in(&gateway, "alice");
    let origin = visitor.origin();

    assert_eq!(visitor.get("/login/?next=/note/").location(), "/note/");
    let page = visitor.get("/note/");
    assert!(page.text().contains("hello alice"), "{}", page.text());
    let csrf = page.field("csrf_token");
    let referer = format!("{origin}/note/");
    let headers = [("origin", &*origin), ("referer", &referer)];
    let written = visitor.submit_with("/note/", &[("csrf_token", &csrf), ("text", "hello")], &headers);
    assert_eq!(written.text(), format!("alice wrote hello at {origin}/note/"));
    assert_eq!(visitor.get("/note/away/").location(), format!("{origin}/note/"));

    signs_out(&mut visitor, "/note/");
    visitor.sign_in("bob", &password("bob"));
    assert!(
        visitor.get("/note/").text().contains("hello nobody"),
        "alice's session of the application ended"
    );
    visitor.get("/login/?next=/note/");
    assert!(visitor.get("/note/").text().contains("hello bob"), "the next person in the same browser");
    assert_eq!(visitor.get("/logout/").location(), "/.gateway/logout");
}

#[test]
fn jupyter_runs_a_terminal_for_one_person() {
    let recipe = Recipe::of("Jupyter Server");
    let folder = Folder::new();
    folder.make(&["notebooks"]);
    let jupyter = folder.start("jupyter", |port| {
        let port = format!("c.ServerApp.port = {port}");
        let configuration = recipe.block("python").with("c.ServerApp.port = 8888", &port);
        folder.write("jupyter_server_config.py", configuration.text());
        let more = " --allow-root --ServerApp.root_dir=notebooks";
        folder.command(&format!("{}{more}", recipe.block("sh").text().trim()))
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8888", &jupyter);
    assert_eq!(
        signed_in(&gateway, "bob").fetch(&Method::GET, "/api/me").status,
        403,
        "the rule is for alice"
    );

    let mut visitor = signed_in(&gateway, "alice");
    assert!(visitor.fetch(&Method::GET, "/api/me").text().contains("\"username\": \"alice\""));
    visitor.get("/");
    let xsrf = visitor.cookies["_xsrf"].clone();
    let made = send(&mut visitor, "POST", "/api/terminals", &[("x-xsrftoken", &xsrf)], "");
    assert_eq!(made.status, 200, "{}", made.text());
    let mut socket = open_socket(&visitor, "/terminals/websocket/1");
    wait_for(&mut socket, "setup");
    socket.send(Message::text("[\"stdin\", \"echo $((40+2))-is-it\\r\"]")).expect("it is sent");
    wait_for(&mut socket, "42-is-it");
    assert_eq!(visitor.get("/api/status/").location(), "/api/status");

    signs_out(&mut visitor, "/api/me");
    ends(&mut socket);
}

#[test]
fn moinmoin_keeps_pages_with_the_name_of_who_wrote_them() {
    let recipe = Recipe::of("MoinMoin");
    let folder = Folder::new();
    folder.run(recipe.nth("sh", 0).with("--path mywiki", "--path .").text());
    let configuration = std::fs::read_to_string(folder.path("wikiconfig.py")).expect("its configuration");
    folder.write("wikiconfig.py", &configuration.replace("YOUR-TRUSTED-EDITORS-GROUP", "Known"));
    folder.append("wikiconfig.py", recipe.block("python").text());
    folder.run(recipe.nth("sh", 1).text());
    let moin = folder.start("moin", |port| {
        folder.command(recipe.nth("sh", 2).with("127.0.0.1:8080", &format!("127.0.0.1:{port}")).text())
    });
    let configuration = recipe.block("toml").with("wiki.example.com", "localhost");
    let gateway = gateway(configuration, "127.0.0.1:8080", &moin);
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(visitor.get("/").location(), "/Home");
    let form = "/+modify/Page?itemtype=default&contenttype=text/x.moin.wiki;charset%3Dutf-8&template=";
    assert!(visitor.get(form).text().contains("content_form_data_text"));
    let fields = [
        ("content_form_data_text", "hello there"),
        ("comment", ""),
        ("meta_form_acl", "None"),
        ("meta_form_name", "Page"),
        ("meta_form_summary", ""),
        ("meta_form_tags", ""),
    ];
    let written = visitor.submit(form, &fields);
    assert_eq!((written.status.as_u16(), written.location()), (302, "/Page"), "{}", written.text());
    let mut bob = signed_in(&gateway, "bob");
    let page = bob.get("/Page").text();
    assert!(page.contains("hello there") && page.contains("title=\"bob @"), "{page}");
    assert!(bob.get("/+history/Page").text().contains("title=\"alice @"), "alice has written it");

    let site = [("sec-fetch-site", "same-origin")];
    assert_eq!(send(&mut visitor, "GET", "/+logout", &site, "").location(), "/");
    assert_eq!(visitor.fetch(&Method::GET, "/Page").status, 401, "its sign-out is the gateway's");
    visitor.sign_in("bob", &password("bob"));
    let page = visitor.get("/Page").text();
    assert!(page.contains("title=\"bob @"), "the next person in the same browser: {page}");
    signs_out(&mut visitor, "/Page");
}

#[test]
fn radicale_keeps_each_calendar_for_its_owner() {
    let recipe = Recipe::of("Radicale");
    let folder = Folder::new();
    let radicale = start_radicale(&folder);
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:5232", &radicale);
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(visitor.get("/").location(), "/.web");
    assert_eq!(visitor.get("/.web").location(), "/.web/");
    assert_eq!(send(&mut visitor, "MKCALENDAR", "/alice/work/", &[], "").status, 201);
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                 DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:New year\r\n\
                 END:VEVENT\r\nEND:VCALENDAR\r\n";
    let kind = [("content-type", "text/calendar")];
    assert_eq!(send(&mut visitor, "PUT", "/alice/work/1.ics", &kind, event).status, 201);
    let wanted = "<C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\">\
                  <D:prop><C:calendar-data/></D:prop></C:calendar-query>";
    let found = send(&mut visitor, "REPORT", "/alice/work/", &[("depth", "1")], wanted);
    assert_eq!(found.status, 207);
    assert!(found.text().contains("New year"), "{}", found.text());
    assert_eq!(send(&mut visitor, "MKCALENDAR", "/bob/work/", &[], "").status, 403);
    assert_eq!(signed_in(&gateway, "bob").fetch(&Method::GET, "/alice/work/1.ics").status, 403);

    signs_out(&mut visitor, "/alice/work/1.ics");
}

#[test]
fn wsgidav_moves_files_below_the_public_address() {
    let recipe = Recipe::of("WsgiDAV");
    let folder = Folder::new();
    let wsgidav = start_wsgidav(&folder);
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8080", &wsgidav);
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(send(&mut visitor, "PUT", "/a.txt", &[], "hello").status, 201);
    let destination = format!("{}/b.txt", visitor.origin());
    let moved = send(&mut visitor, "MOVE", "/a.txt", &[("destination", &destination)], "");
    assert_eq!(moved.status, 201, "{}", moved.text());
    assert_eq!(visitor.fetch(&Method::GET, "/b.txt").text(), "hello");
    assert_eq!(send(&mut visitor, "MKCOL", "/folder", &[], "").status, 201);
    assert_eq!(visitor.get("/folder").location(), "/folder/");
    let locked = send(
        &mut visitor,
        "LOCK",
        "/b.txt",
        &[],
        "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>\
         <D:locktype><D:write/></D:locktype><D:owner>test</D:owner></D:lockinfo>",
    );
    assert_eq!(locked.status, 200, "{}", locked.text());
    assert_eq!(
        send(&mut signed_in(&gateway, "bob"), "PUT", "/b.txt", &[], "bob's").status,
        423,
        "alice has locked it"
    );

    signs_out(&mut visitor, "/b.txt");
}

/// Radicale as the document says.
pub fn start_radicale(folder: &Folder) -> Application {
    let recipe = Recipe::of("Radicale");
    folder.start("radicale", |port| {
        let configuration = recipe
            .block("ini")
            .with("127.0.0.1:5232", &format!("127.0.0.1:{port}"))
            .with("/var/lib/radicale/collections", &folder.text("collections"));
        folder.write("radicale.conf", configuration.text());
        folder.command(recipe.block("sh").with("/etc/radicale/config", "radicale.conf").text())
    })
}

/// `WsgiDAV` as the document says, with the files of the folder `files`.
pub fn start_wsgidav(folder: &Folder) -> Application {
    let recipe = Recipe::of("WsgiDAV");
    folder.make(&["files"]);
    folder.write("gateway_dc.py", recipe.block("python").text());
    folder.start("wsgidav", |port| {
        let configuration = recipe
            .block("yaml")
            .with("port: 8080", &format!("port: {port}"))
            .with("/srv/files", &folder.text("files"));
        folder.write("wsgidav.yaml", configuration.text());
        folder.command(recipe.block("sh").text())
    })
}
