//! Mails are signed, so that receivers can tell that nobody else wrote them (DKIM: RFC 6376, with RFC 8301 and 8463).
//! Pure: one key makes of one message the same signature each time.

use ring::digest::{SHA256, digest};
use rustls::sign::SigningKey;
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use crate::clock::Timestamp;

/// The header field that signs a message for `domain`: to be put before it, with its line end. `message` is one of
/// [`super::mime::message`]: each field stands in it once, and all lines end with CRLF.
pub fn signature(
    key: &dyn SigningKey,
    selector: &str,
    domain: &str,
    at: Timestamp,
    message: &str,
) -> Result<String, Error> {
    let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
    let fields = fields(head);
    let mut names = Vec::new();
    let mut signed = String::new();
    for name in SIGNED {
        if let Some((_, value)) = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            signed += &field(name, value);
            names.push(*name);
        }
    }
    // Named once more than they are there: whoever adds another of these breaks the signature (RFC 6376 8.15).
    names.extend(OVERSIGNED);
    let mut own = format!(
        "v=1; a={}-sha256; c=relaxed/relaxed;\r\n d={domain}; s={selector};\r\n t={};\r\n h={};\r\n bh={};\r\n b=",
        algorithm(key),
        at.unix(),
        names.join(":\r\n  "),
        base64(digest(&SHA256, relaxed(body).as_bytes()).as_ref())
    );
    // The field itself comes last, without its signature and without a line end.
    signed += field(FIELD, &own).trim_end();
    let made = match key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::ED25519]) {
        Some(signer) if signer.scheme() == SignatureScheme::ED25519 => {
            signer.sign(digest(&SHA256, signed.as_bytes()).as_ref())
        }
        Some(signer) => signer.sign(signed.as_bytes()),
        None => Err(Error::General("the key makes no signatures of this kind".to_owned())),
    }?;
    own += &base64(&made)
        .as_bytes()
        .chunks(LINE_CHARS)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join("\r\n ");
    Ok(format!("{FIELD}: {own}\r\n"))
}

/// The TXT record by which a domain says that this key signs for it.
pub fn record(key: &dyn SigningKey) -> String {
    format!("v=DKIM1; k={}; p={}", algorithm(key), public_key(key))
}

/// As records have it: of RSA with the name of the algorithm before it, of Ed25519 alone (RFC 8463 4).
fn public_key(key: &dyn SigningKey) -> String {
    let all = key.public_key();
    let all = all.as_ref().map_or(&[][..], |all| all.as_ref());
    let alone = match key.algorithm() {
        SignatureAlgorithm::ED25519 => &all[all.len().saturating_sub(ED25519_BYTES)..],
        _ => all,
    };
    base64(alone)
}

fn algorithm(key: &dyn SigningKey) -> &'static str {
    if key.algorithm() == SignatureAlgorithm::ED25519 { "ed25519" } else { "rsa" }
}

/// Name and value of each field of a head, as they stand there.
fn fields(head: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in head.split("\r\n") {
        match (line.split_once(':'), fields.last_mut()) {
            (_, Some((_, value))) if line.starts_with(BLANKS) => value.push_str(line),
            (Some((name, value)), _) => fields.push((name.trim_end(), value.to_owned())),
            (None, _) => {}
        }
    }
    fields
}

/// A header field in the form in which it is signed (RFC 6376 3.4.2): how it is folded does not matter.
fn field(name: &str, value: &str) -> String {
    let words: Vec<_> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}\r\n", name.to_ascii_lowercase(), words.join(" "))
}

/// A body in the form in which it is signed (RFC 6376 3.4.4).
fn relaxed(body: &str) -> String {
    let mut relaxed = String::with_capacity(body.len());
    // Empty lines count only if another follows.
    let mut empty = 0;
    for line in body.split("\r\n") {
        let line = line.trim_end_matches(BLANKS);
        if line.is_empty() {
            empty += 1;
            continue;
        }
        relaxed.push_str(&"\r\n".repeat(std::mem::take(&mut empty)));
        let mut before = None;
        for character in line.chars().map(|c| if BLANKS.contains(&c) { ' ' } else { c }) {
            if (character, before) != (' ', Some(' ')) {
                relaxed.push(character);
            }
            before = Some(character);
        }
        relaxed.push_str("\r\n");
    }
    relaxed
}

/// RFC 4648 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = |three: &[u8]| {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let all = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letter = |at: usize| LETTERS[(all >> (18 - 6 * at)) as usize & 63];
        let len = three.len();
        [0, 1, 2, 3].map(|at| char::from(if at <= len { letter(at) } else { b'=' }))
    };
    bytes.chunks(3).flat_map(letters).collect()
}

/// All that a reader sees or a mail program goes by (RFC 6376 5.4.1), where it is there.
const SIGNED: &[&str] = &[
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
const OVERSIGNED: [&str; 4] = ["From", "To", "Subject", "Date"];
const FIELD: &str = "DKIM-Signature";
const BLANKS: [char; 2] = [' ', '\t'];
const ED25519_BYTES: usize = 32;
/// Of a signature, in a line of its field.
const LINE_CHARS: usize = 72;

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;
    use crate::config::named::signing_key;

    pub(crate) const RSA: &[u8] = include_bytes!("../../tests/data/dkim/rsa.pem");
    const RSA_PKCS1: &[u8] = include_bytes!("../../tests/data/dkim/rsa-pkcs1.pem");
    const RSA_SHORT: &[u8] = include_bytes!("../../tests/data/dkim/rsa-short.pem");
    const ED: &[u8] = include_bytes!("../../tests/data/dkim/ed25519.pem");

    const MESSAGE: &str =
        "From: \"A\"\r\n <a@x.net>\r\nTo: b@y.net\r\nX: y\r\nSUBJECT :  one \t two \r\n\r\nHi.\r\n";
    const AT: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn key(pem: &[u8]) -> Arc<dyn SigningKey> {
        signing_key(pem).unwrap()
    }

    fn sign(pem: &[u8], message: &str) -> String {
        signature(&*key(pem), "s1", "x.net", AT, message).unwrap()
    }

    fn from_base64(text: &str) -> Vec<u8> {
        let kept: String = text.split_whitespace().collect();
        mail_parser::decoders::base64::base64_decode(kept.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_signed_is_what_verifiers_compute() {
        for pem in [RSA, RSA_PKCS1, ED] {
            let own = sign(pem, MESSAGE);
            assert_eq!(own, sign(pem, MESSAGE), "the same each time");
            let (unsigned, made) = own.trim_end().rsplit_once("b=").unwrap();
            assert!(own.lines().all(|line| line.len() <= 78), "{own}");
            // By hand, from RFC 6376 3.4.2 and 3.7.
            let flat = unsigned.strip_prefix("DKIM-Signature: ").unwrap().split_whitespace();
            let signed = format!(
                "from:\"A\" <a@x.net>\r\nto:b@y.net\r\nsubject:one two\r\ndkim-signature:{} b=",
                flat.collect::<Vec<_>>().join(" ")
            );
            let public = from_base64(&public_key(&*key(pem)));
            let made = from_base64(made);
            if pem == ED {
                let hash = digest(&SHA256, signed.as_bytes());
                UnparsedPublicKey::new(&ED25519, public).verify(hash.as_ref(), &made).unwrap();
            } else {
                // Behind the 24 bytes that name the algorithm.
                let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..]);
                public.verify(signed.as_bytes(), &made).unwrap();
            }
            let flat: String = unsigned.split_whitespace().collect();
            assert!(
                flat.contains(";d=x.net;s=s1;t=1800000000;h=From:To:Subject:From:To:Subject:Date;bh="),
                "{flat}"
            );
        }
        assert_eq!(sign(RSA, MESSAGE), sign(RSA_PKCS1, MESSAGE), "one key in two forms");
    }

    #[test]
    fn bodies_count_as_the_standards_say() {
        // RFC 6376 3.4.5, and RFC 8463 A.3.
        assert_eq!(relaxed(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        let hash = |body: &str| base64(digest(&SHA256, relaxed(body).as_bytes()).as_ref());
        let game = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        assert_eq!(hash(game), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(relaxed("\r\n\r\na"), "\r\n\r\na\r\n");
    }

    #[test]
    fn what_must_not_be_added_is_named_once_more() {
        let all = super::super::mime::tests::whole();
        let flat: String = sign(ED, &all).split_whitespace().collect();
        let names = flat.split("h=").nth(1).unwrap().split(';').next().unwrap();
        // Several parts say of themselves how they are encoded.
        let whole = SIGNED.iter().filter(|name| **name != "Content-Transfer-Encoding").chain(&OVERSIGNED);
        assert_eq!(names, whole.copied().collect::<Vec<_>>().join(":"));
    }

    #[test]
    fn keys_that_do_not_do_say_why() {
        let made = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let locked = include_bytes!("../../tests/data/certificates/locked.pem");
        for (pem, part) in [
            (RSA_SHORT, "fewer than 2048 bits"),
            (made.as_bytes(), "RSA with 2048 to 4096 bits or Ed25519"),
            (&b"nothing"[..], "in PEM form"),
            (&locked[..], "without a password"),
        ] {
            let why = signing_key(pem).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn records_are_what_a_domain_publishes() {
        let record = |pem| record(&*key(pem));
        assert!(record(RSA).starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"));
        let of_ed = record(ED);
        let public = of_ed.strip_prefix("v=DKIM1; k=ed25519; p=").unwrap();
        assert_eq!(from_base64(public).len(), 32);
        assert_eq!(
            [&b""[..], b"f", b"fo", b"foo", b"foob"].map(base64),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }
}
