//! Templates of mails that an operator puts in the place of the program's.

use std::fs;

use portcullis::{config, identity::UserName, users::UserChange};

use crate::support::{
    gateway::TestGateway,
    smtp_server::{Mail, SmtpServer},
    visitor::Visitor,
};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"";

fn gateway(server: &SmtpServer) -> TestGateway {
    let gateway = TestGateway::start_with(&server.section(""), APP);
    gateway.add_user("alice", &[]);
    let change = UserChange {
        email: Some("alice@example.com".into()),
        full_name: Some("Alice <b>A</b>".into()),
        ..UserChange::default()
    };
    gateway.users().update(&UserName::parse("alice").unwrap(), &change).unwrap();
    gateway
}

fn write(gateway: &TestGateway, name: &str, text: &str) {
    let folder = gateway.folder().join("templates/mail");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

/// Loads the configuration again; the mistakes, if there are any.
fn reload(gateway: &TestGateway, server: &SmtpServer) -> Result<(), String> {
    let text = TestGateway::configuration(&server.section(""), APP);
    let loaded = config::parse(&text, gateway.reloader.file())
        .map_err(|diagnostics| config::ConfigError::Invalid(diagnostics).to_string())?;
    gateway.reloader.apply(loaded.configuration).expect("a configuration that can be used");
    Ok(())
}

/// Asks for a link for alice's password; the mail with it.
fn reset_mail(gateway: &TestGateway, server: &SmtpServer, number: usize) -> Mail {
    let mut visitor = Visitor::of(gateway);
    let csrf = visitor.get("/.gateway/reset").field("csrf");
    assert_eq!(visitor.submit("/.gateway/reset", &[("csrf", &*csrf), ("account", "alice")]).status, 200);
    server.mail(number)
}

/// The header fields of a message: their lines, without those that go on.
fn head(mail: &Mail) -> Vec<&str> {
    let end = mail.text.find("\r\n\r\n").or_else(|| mail.text.find("\n\n")).expect("a body");
    mail.text[..end].lines().filter(|line| !line.starts_with([' ', '\t'])).collect()
}

#[test]
fn templates_of_an_operator_make_the_mail_and_a_broken_one_leaves_the_old_set() {
    let server = SmtpServer::start();
    let gateway = gateway(&server);
    let before = reset_mail(&gateway, &server, 1);
    assert!(
        head(&before).iter().any(|line| line.starts_with("Subject: Set a new password")),
        "{}",
        before.text
    );
    write(&gateway, "reset.subject.txt", "New password for {{ user.name }} at {{ host }}\n");
    write(&gateway, "reset.txt", "Dear {{ user.full_name }},\n{{ link.href }}\nworks for {{ lifetime }}.\n");
    let html = "{% extends \"mail/message.html\" %}{% block content %}<p>Dear {{ user.full_name }}</p>\n\
                <a href=\"{{ link.href }}\">Go</a>{% endblock %}";
    write(&gateway, "reset.html", html);
    reload(&gateway, &server).unwrap();
    let own = reset_mail(&gateway, &server, 2);
    let subject = "Subject: New password for alice at localhost";
    assert!(head(&own).iter().any(|line| line.starts_with(subject)), "{}", own.text);
    assert!(
        own.text.contains("Dear Alice <b>A</b>,") && own.text.contains("works for 30 minutes."),
        "{}",
        own.text
    );
    assert!(own.text.contains("<p>Dear Alice &lt;b&gt;A&lt;"), "{}", own.text);
    assert!(own.link().contains("/.gateway/reset/new?token="), "{}", own.text);
    let long = format!("{{{{ link.href }}}}{}", "x".repeat(48 << 10));
    for (name, text, place, problem) in [
        ("reset.txt", "Hello\n{{ user.nmae }} {{ link.href }}", "mail/reset.txt:2:", "undefined"),
        ("reset.txt", "Hello\n\n{% if link %}", "mail/reset.txt:3:", "cannot be used"),
        ("reset.txt", "No link at all", "mail/reset.txt:1:1", "lacks its link"),
        ("reset.html", "<a href=\"https://evil.test/\">x</a>", "mail/reset.html:1:1", "lacks its link"),
        (
            "reset.subject.txt",
            "One\nBcc: eve@evil.test",
            "mail/reset.subject.txt:1:1",
            "a subject is one line",
        ),
        ("reset.subject.txt", "\n", "mail/reset.subject.txt:1:1", "a subject is one line"),
        ("reset.txt", &*long, "mail/reset.txt:1:1", "a mail of more than 48 KiB is not sent"),
        ("rest.txt", "x", "mail/rest.txt", "replaces no template"),
        ("notice.txt", "{{ link.href }}", "mail/notice.txt:1:", "undefined"),
        ("message.txt", "Hello", "mail/message.txt:1:1", "lacks its link"),
    ] {
        let path = gateway.folder().join("templates/mail").join(name);
        let former = fs::read(&path).ok();
        write(&gateway, name, text);
        let refused = reload(&gateway, &server).expect_err(text);
        assert!(refused.contains(place) && refused.contains(problem), "{name} {text:?}: {refused}");
        match former {
            Some(former) => fs::write(&path, former).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    assert!(reset_mail(&gateway, &server, 3).text.contains("Dear Alice"), "the old set goes on");
}

#[test]
fn a_template_that_renders_line_feeds_for_one_person_adds_no_header_field_and_no_recipient() {
    let server = SmtpServer::start();
    let gateway = gateway(&server);
    let fields = |mail: &Mail| {
        let names = head(mail).into_iter().map(|line| line.split(':').next().unwrap().to_lowercase());
        names.collect::<Vec<_>>()
    };
    let usual = fields(&reset_mail(&gateway, &server, 1));
    let hostile = "{{ \"x\\r\\nBcc: eve@evil.test\\nReply-To: eve@evil.test\\r\\n\\r\\n--boundary\" }}";
    let text = format!("{{% if user.name == \"alice\" %}}{hostile}{{% else %}}Hello{{% endif %}}");
    write(&gateway, "reset.subject.txt", &text);
    write(&gateway, "reset.txt", &format!("{text}\r\n.\r\nRCPT TO:<eve@evil.test>\r\n{{{{ link.href }}}}"));
    write(&gateway, "reset.html", &format!("{text}<p>{{{{ link.href }}}}</p>"));
    reload(&gateway, &server).unwrap();
    let mail = reset_mail(&gateway, &server, 2);
    assert_eq!(fields(&mail), usual, "{}", mail.text);
    assert_eq!(mail.to, "alice@example.com");
    let subject = head(&mail).into_iter().find(|line| line.starts_with("Subject:")).unwrap().to_owned();
    assert!(subject.starts_with("Subject: x Bcc: eve@evil.test"), "{subject}");
    assert_eq!(server.taken(), 2);
}
