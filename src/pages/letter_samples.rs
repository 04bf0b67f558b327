//! Samples of each mail, with which the templates of an operator are tried: with everything that a mail may have, and
//! with nothing that it may lack.

use super::{Letter, LetterEvent, LetterKind, LetterLink, LetterUser};

/// Two samples of each mail.
pub(super) fn letter_samples() -> Vec<Letter> {
    LetterKind::ALL.into_iter().flat_map(|kind| [sample(kind, true), sample(kind, false)]).collect()
}

fn sample(kind: LetterKind, full: bool) -> Letter {
    let has_link = match kind {
        LetterKind::Reset
        | LetterKind::Invitation
        | LetterKind::Registration
        | LetterKind::EmailChange
        | LetterKind::Approved
        | LetterKind::Known => true,
        // An address that took the place of none is not undone.
        LetterKind::EmailChanged => full,
        LetterKind::Notice
        | LetterKind::NewDevice
        | LetterKind::ApprovalWanted
        | LetterKind::Elsewhere
        | LetterKind::Test => false,
    };
    let expires = has_link && !matches!(kind, LetterKind::Approved | LetterKind::Known);
    let is_notice = matches!(kind, LetterKind::Notice | LetterKind::NewDevice | LetterKind::EmailChanged);
    let has_user = !matches!(kind, LetterKind::Registration | LetterKind::Test);
    Letter {
        kind,
        subject: TEXT.into(),
        before: vec![TEXT.into()],
        link: has_link.then(|| LetterLink { href: HREF.into(), text: TEXT.into() }),
        after: if full { vec![TEXT.into()] } else { Vec::new() },
        site: "Example Ltd · login.example.com".into(),
        origin: "https://login.example.com".into(),
        host: "login.example.com".into(),
        user: has_user.then(|| LetterUser {
            name: "ada".into(),
            full_name: if full { "Ada Lovelace".into() } else { String::new() },
            email: "ada@example.com".into(),
        }),
        lifetime: expires.then(|| "30 minutes".into()),
        event: is_notice.then(|| LetterEvent {
            text: TEXT.into(),
            date: "30 November 2026".into(),
            device: "Firefox on Linux".into(),
            address: if full { "192.0.2.17".into() } else { String::new() },
        }),
    }
}

const TEXT: &str = "A text of “this” mail & its reader";
pub(super) const HREF: &str = "https://login.example.com/.gateway/reset/new?token=abcdefghijklmnopqrstuvwxyz";
