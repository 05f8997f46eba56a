//! A mail as the bytes that go over the wire (RFC 5322, RFC 2045 to 2047). Pure, and the same bytes each time.
//!
//! Whatever names and texts come in, the header fields and their recipients stay the ones written here: all
//! text is quoted-printable or an encoded word, and of an address only what an address may hold is kept.

use jiff::tz::TimeZone;

use super::{Mail, redact};
use crate::clock::Timestamp;

/// What a mail needs beside its content. The envelope sender of SMTP ([`return_path`]) is no part of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Shown as the sender's name.
    pub from_name: String,
    pub from: String,
    /// The one receiver.
    pub to: String,
    /// Where answers go, when not to `from`.
    pub reply_to: Option<String>,
    /// As [`message_id`] makes it, with its angle brackets; so is `references`.
    pub message_id: String,
    /// Message-IDs of the first mails about the same incidents.
    pub references: Vec<String>,
    pub date: Timestamp,
}

/// The whole message with CRLF line ends, ASCII, no line longer than 998 characters (RFC 5322 2.1.1).
pub fn message(mail: &Mail, envelope: &Envelope) -> String {
    let id = identifier(&envelope.message_id);
    let mut text = String::new();
    let mut field = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
    field("Date", &envelope.date.in_zone(&TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
    field("From", &mailbox(&envelope.from_name, &envelope.from));
    if let Some(reply_to) = &envelope.reply_to {
        field("Reply-To", &address(reply_to));
    }
    field("To", &address(&envelope.to));
    field("Subject", &unstructured(&mail.subject));
    field("Message-ID", &id);
    let references: Vec<String> = envelope.references.iter().map(|id| identifier(id)).collect();
    if let Some(first) = references.first() {
        field("In-Reply-To", first);
        field("References", &references.join("\r\n "));
    }
    field("Auto-Submitted", "auto-generated");
    field("MIME-Version", "1.0");

    // Derived from the identifier, so that a mail which carries this one whole has other boundaries. The
    // beginning `=_` cannot stand in quoted-printable text.
    let boundary = |part: &str| format!("=_{part}_{}", id.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    let mut body = leaf("text/plain", None, &mail.text);
    if let Some(html) = &mail.html {
        body = multipart("alternative", &boundary("a"), &[body, leaf("text/html", None, html)]);
    }
    if let Some((name, content)) = &mail.csv {
        body = multipart("mixed", &boundary("m"), &[body, leaf("text/csv", Some(name), content)]);
    }
    text + &body
}

/// The Message-ID of a notice's mail to one of its receivers: the same for each attempt, another for all else.
/// `store_id` tells boxes apart that write for the same domain.
pub fn message_id(store_id: &str, notice: u64, receiver_index: u32, domain: &str) -> String {
    let store_id = store_id.replace(|c: char| !c.is_ascii_alphanumeric(), "");
    identifier(&format!("<{notice}.{receiver_index}.{store_id}@{domain}>"))
}

/// What stands behind the `@`; empty where there is none.
pub fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The envelope sender of one mail: `abuse+<token>@example.net`. A bounce to it names the mail by its token,
/// which nobody can guess.
pub fn return_path(abuse_address: &str, token: &str) -> String {
    let whole = address(abuse_address);
    match whole.rsplit_once('@') {
        Some((user, domain)) => format!("{user}+{}@{domain}", address(token).replace('@', "")),
        None => whole,
    }
}

fn multipart(kind: &str, boundary: &str, parts: &[String]) -> String {
    let mut text = format!("Content-Type: multipart/{kind};\r\n boundary=\"{boundary}\"\r\n\r\n");
    for part in parts {
        text.push_str(&format!("--{boundary}\r\n{part}\r\n"));
    }
    text + &format!("--{boundary}--\r\n")
}

fn leaf(kind: &str, file_name: Option<&str>, text: &str) -> String {
    let disposition = match file_name {
        Some(name) => {
            let kept = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
            let name: String = name.chars().filter(kept).take(WORD_BYTES_MAX).collect();
            format!("Content-Disposition: attachment;\r\n filename=\"{name}\"\r\n")
        }
        None => String::new(),
    };
    format!(
        "Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n{disposition}\r\n{}",
        quoted_printable(text)
    )
}

/// RFC 2045 6.7: lines of at most 76 characters, whatever the text is.
fn quoted_printable(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        let mut width = 0;
        for (at, byte) in line.bytes().enumerate() {
            // A blank at the end of a line does not survive every mail server.
            let is_plain = match byte {
                b' ' | b'\t' => at + 1 < line.len(),
                _ => byte.is_ascii_graphic() && byte != b'=',
            };
            let needed = if is_plain { 1 } else { 3 };
            if width + needed > QP_LINE_MAX {
                encoded.push_str("=\r\n");
                width = 0;
            }
            width += needed;
            if is_plain {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("={byte:02X}"));
            }
        }
        encoded.push_str("\r\n");
    }
    encoded
}

/// A subject: as it is where that is safe, else as encoded words.
fn unstructured(text: &str) -> String {
    let text = redact::plain(text);
    if !is_simple(&text) {
        return encoded_words(&text);
    }
    let mut folded = String::with_capacity(text.len() + 8);
    let mut width = 0;
    for word in text.split(' ') {
        let joint = if width + word.len() < SIMPLE_BYTES_MAX { " " } else { "\r\n " };
        width = if joint == " " { width + 1 + word.len() } else { word.len() };
        folded.push_str(if folded.is_empty() { "" } else { joint });
        folded.push_str(word);
    }
    folded
}

/// A name and an address.
fn mailbox(name: &str, spec: &str) -> String {
    let name = redact::plain(name);
    let phrase = match is_simple(&name) && name.len() <= SIMPLE_BYTES_MAX {
        true => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        false => encoded_phrase(&name),
    };
    format!("{phrase}\r\n <{}>", address(spec))
}

fn is_simple(text: &str) -> bool {
    text.trim() == text
        && !text.contains("  ")
        && !text.contains("=?")
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// Of a name only the words that need it are encoded, as few in a row as can be: between two encoded words some programs
/// see a blank, which is none (RFC 2047 6.2).
fn encoded_phrase(name: &str) -> String {
    let is_plain = |word: &str| {
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/^_`{|}~".contains(&byte);
        word.bytes().all(is_atom) && word.len() <= WORD_BYTES_MAX
    };
    let words: Vec<&str> = name.split(' ').collect();
    if words.contains(&"") {
        return encoded_words(name);
    }
    let runs = words.chunk_by(|one, next| is_plain(one) == is_plain(next));
    let written = runs.map(|run| match is_plain(run[0]) {
        true => unstructured(&run.join(" ")),
        false => encoded_words(&run.join(" ")),
    });
    written.collect::<Vec<_>>().join("\r\n ")
}

/// RFC 2047, "Q": each word holds whole characters and only letters and digits unencoded, as a name requires.
fn encoded_words(text: &str) -> String {
    let mut words = vec![String::new()];
    for character in text.chars() {
        let mut bytes = [0; 4];
        let encoded: String = match character {
            ' ' => "_".to_owned(),
            _ if character.is_ascii_alphanumeric() => character.to_string(),
            _ => character.encode_utf8(&mut bytes).bytes().map(|byte| format!("={byte:02X}")).collect(),
        };
        match words.last_mut() {
            Some(word) if word.len() + encoded.len() <= WORD_BYTES_MAX => word.push_str(&encoded),
            _ => words.push(encoded),
        }
    }
    words.iter().map(|word| format!("=?utf-8?Q?{word}?=")).collect::<Vec<_>>().join("\r\n ")
}

/// Of an address what RFC 5321 allows in one without quotes; a second address becomes part of the first.
fn address(text: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~@".contains(*c);
    let all: String = text.chars().filter(kept).take(ADDRESS_CHARS_MAX).collect();
    match all.rsplit_once('@') {
        Some((user, domain)) => format!("{}@{domain}", user.replace('@', "")),
        None => all,
    }
}

/// A message identifier in its angle brackets.
fn identifier(text: &str) -> String {
    format!("<{}>", address(text))
}

/// Longest line of quoted-printable text, without the `=` of a soft line break.
const QP_LINE_MAX: usize = 75;

/// An encoded word has at most 75 characters, twelve of them for its frame.
const WORD_BYTES_MAX: usize = 63;

/// Header text up to this fits on the line of its field.
const SIMPLE_BYTES_MAX: usize = 66;

/// RFC 5321 4.5.3.1: a path has at most 256 characters with its brackets.
const ADDRESS_CHARS_MAX: usize = 254;

#[cfg(test)]
pub(super) mod tests {
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;

    fn mail(subject: &str, text: &str) -> Mail {
        Mail {
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: Some(format!("<p>{text}</p>")),
            csv: Some(("findings.csv".to_owned(), "a,b\r\n1,\u{e4}\r\n".to_owned())),
        }
    }

    fn envelope() -> Envelope {
        Envelope {
            from_name: "Example Net".to_owned(),
            from: "abuse@example.net".to_owned(),
            to: "kunde@example.org".to_owned(),
            reply_to: Some("abuse@example.net".to_owned()),
            message_id: message_id("k3y", 12, 0, "example.net"),
            references: vec![message_id("k3y", 7, 0, "example.net")],
            date: "2026-11-20T08:00:05Z".parse().unwrap(),
        }
    }

    /// A message with all that one can have.
    pub(in super::super) fn whole() -> String {
        message(&mail("s", "t"), &envelope())
    }

    /// Names of the header fields, from the bytes alone.
    fn fields(text: &str) -> Vec<String> {
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        head.replace("\r\n ", " ")
            .split("\r\n")
            .map(|line| line.split_once(": ").unwrap().0.to_owned())
            .collect()
    }

    #[test]
    fn a_message_is_read_back_as_written() {
        let mail = mail("[AB-12] Gr\u{fc}\u{df}e", ".\r\nline = one  \n..\nFrom here\n\n\u{20ac}uro");
        let bytes = message(&mail, &envelope());
        assert!(bytes.is_ascii());
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(parsed.subject(), Some(mail.subject.as_str()));
        assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Example Net"));
        assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("kunde@example.org"));
        assert_eq!(parsed.message_id(), Some("12.0.k3y@example.net"));
        assert_eq!(parsed.in_reply_to().as_text(), Some("7.0.k3y@example.net"));
        assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-11-20T08:00:05Z");
        assert_eq!(parsed.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
        let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(text.trim_end(), mail.text.replace("\r\n", "\n"));
        assert!(parsed.body_html(0).unwrap().contains("\u{20ac}uro"));
        let csv = parsed.attachment(0).unwrap();
        assert_eq!(csv.attachment_name(), Some("findings.csv"));
        assert_eq!(csv.text_contents().unwrap().trim_end(), "a,b\r\n1,\u{e4}");
        assert!(parsed.content_type().unwrap().subtype() == Some("mixed"));
    }

    #[test]
    fn a_mail_without_more_is_plain_text() {
        let plain = Mail { html: None, csv: None, ..mail("s", "t") };
        let bytes = message(&plain, &Envelope { reply_to: None, references: Vec::new(), ..envelope() });
        let expected = "Date: Fri, 20 Nov 2026 08:00:05 +0000\r\n\
            From: \"Example Net\"\r\n <abuse@example.net>\r\nTo: kunde@example.org\r\nSubject: s\r\n\
            Message-ID: <12.0.k3y@example.net>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nt\r\n";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_long_subject_is_folded_and_stays_readable() {
        let subject =
            "[PRACTICE] [TO PASS ON] [AB-1234] 2 security findings on your connection (Example Net)";
        let bytes = message(&mail(subject, "t"), &envelope());
        assert!(bytes.contains(
            "\r\nSubject: [PRACTICE] [TO PASS ON] [AB-1234] 2 security findings on your\r\n connection"
        ));
        assert_eq!(MessageParser::default().parse(&bytes).unwrap().subject(), Some(subject));
    }

    #[test]
    fn lines_of_quoted_printable_are_full_and_no_longer() {
        assert_eq!(quoted_printable("a b\tc \nx=\u{e4}"), "a b\tc=20\r\nx=3D=C3=A4\r\n");
        let [x72, x73, x75] = [72, 73, 75].map(|len| "x".repeat(len));
        assert_eq!(quoted_printable(&x75), format!("{x75}\r\n"));
        assert_eq!(quoted_printable(&format!("{x75}x")), format!("{x75}=\r\nx\r\n"));
        assert_eq!(quoted_printable(&format!("{x72}=")), format!("{x72}=3D\r\n"));
        assert_eq!(quoted_printable(&format!("{x73}=")), format!("{x73}=\r\n=3D\r\n"));
        let signs = format!("{x75}{}", "=".repeat(26));
        assert_eq!(quoted_printable(&signs), format!("{x75}=\r\n{}=\r\n=3D\r\n", "=3D".repeat(25)));
    }

    #[test]
    fn a_name_is_quoted_where_nothing_of_it_gets_lost() {
        assert!(is_simple("Example \"Net\", Inc."));
        for name in [" x", "x ", "a  b", "=?x", "\u{e4}", "a\tb"] {
            assert!(!is_simple(name), "{name:?}");
        }
    }

    #[test]
    fn header_text_is_folded_where_it_must_be() {
        let two = |second: usize| format!("{} {}", "x".repeat(30), "y".repeat(second));
        assert_eq!(unstructured(&two(34)), two(34));
        assert_eq!(unstructured(&two(35)), two(35).replace(' ', "\r\n "));
        assert_eq!(encoded_words("a \u{e4}1"), "=?utf-8?Q?a_=C3=A41?=");
        let name = "\u{d6}de Netz- und B\u{e4}che \u{2013} G.m.b.H.";
        assert_eq!(
            encoded_phrase(name).replace("\r\n", ""),
            "=?utf-8?Q?=C3=96de?= Netz- und =?utf-8?Q?B=C3=A4che_=E2=80=93_G=2Em=2Eb=2EH=2E?="
        );
        assert_eq!(encoded_phrase("\u{d6}  x"), encoded_words("\u{d6}  x"));
        let full = "x".repeat(WORD_BYTES_MAX);
        assert_eq!(encoded_words(&full), format!("=?utf-8?Q?{full}?="));
        assert_eq!(encoded_words(&format!("{full}y")), format!("=?utf-8?Q?{full}?=\r\n =?utf-8?Q?y?="));
    }

    #[test]
    fn identifiers_and_return_paths() {
        assert_eq!(message_id("a-b", 3, 1, "example.net"), "<3.1.ab@example.net>");
        assert_eq!(return_path("abuse@example.net", "x1y2"), "abuse+x1y2@example.net");
        assert_eq!(return_path("abuse@example.net", "x>\r\nRCPT TO:<y@z"), "abuse+xRCPTTOyz@example.net");
    }

    proptest! {
        #[test]
        fn no_text_changes_headers_or_recipients(
            evil in prop::collection::vec("(\\PC|\r\n|\n|\r|: |Bcc: x@y|<|>|,|\"|;|=\\?|\\\\|@){0,25}", 9),
        ) {
            let [subject, text, name, from, to, reply_to, id, references, file] = &evil[..] else {
                panic!("nine texts")
            };
            let mut mail = mail(subject, text);
            mail.csv = Some((file.clone(), text.clone()));
            let sent = Envelope {
                from_name: name.clone(),
                from: format!("f{from}@example.net"),
                to: format!("t{to}@example.org"),
                reply_to: Some(format!("r{reply_to}@example.net")),
                message_id: format!("i{id}@example.net"),
                references: vec![format!("e{references}@example.net")],
                date: Timestamp::from_unix(0),
            };
            let bytes = message(&mail, &sent);
            prop_assert!(bytes.is_ascii());
            let ordinary = message(&self::mail("s", "t"), &envelope());
            prop_assert_eq!(fields(&bytes), fields(&ordinary));
            for line in bytes.split("\r\n") {
                prop_assert!(line.len() <= 998 && !line.contains(['\r', '\n']));
            }
            let parsed = MessageParser::default().parse(&bytes).unwrap();
            for (list, end) in [
                (parsed.from(), "example.net"), (parsed.to(), "example.org"), (parsed.reply_to(), "example.net"),
            ] {
                let list = list.unwrap();
                prop_assert_eq!(list.iter().count(), 1);
                prop_assert!(list.first().unwrap().address().unwrap().ends_with(end));
            }
            prop_assert_eq!(parsed.attachment_count(), 1);
            prop_assert_eq!(parsed.text_body_count(), 1);
            prop_assert!(parsed.cc().is_none() && parsed.bcc().is_none());
        }

        #[test]
        fn any_text_survives_the_encoding(text in "(\\PC|\n|=|\\.| ){0,300}", subject in "\\PC{0,120}") {
            let bytes = message(&mail(&subject, &text), &envelope());
            let parsed = MessageParser::default().parse(&bytes).unwrap();
            let read = parsed.body_text(0).unwrap().replace("\r\n", "\n");
            prop_assert_eq!(read.trim_end_matches('\n'), text.trim_end_matches('\n'));
            let shown = redact::plain(&subject);
            prop_assert_eq!(parsed.subject().unwrap_or_default().trim(), shown.trim());
        }
    }
}
