//! The page that shows the mails caught. Everything on it was written by others, so everything is escaped.

use std::sync::Arc;

use super::mail::Mail;
use super::net::{Answer, Request};

/// Answers one request about these mails.
pub(crate) fn answer(mails: &[Arc<Mail>], request: &Request) -> Answer {
    if request.method != "GET" {
        return Answer::new(405, "text/plain", "only for reading").with("Allow", "GET");
    }
    let number = request.path.strip_prefix("/mail/").map(str::parse::<u64>);
    let mail = number.and_then(|number| mails.iter().find(|mail| Ok(mail.number) == number));
    let (title, body) = match (request.path.as_str(), mail) {
        ("/", _) => ("Mails".to_owned(), list(mails)),
        (_, Some(mail)) => (mail.subject(), single(mail)),
        _ => return page(404, "Not found", "<p>No such mail. <a href=\"/\">All mails</a></p>"),
    };
    page(200, &title, &body)
}

fn page(status: u16, title: &str, body: &str) -> Answer {
    let title = escape(title);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>\n{body}</body></html>\n"
    );
    Answer::new(status, "text/html; charset=utf-8", html)
        .with("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'")
        .with("Cache-Control", "no-store")
        .with("X-Content-Type-Options", "nosniff")
}

fn list(mails: &[Arc<Mail>]) -> String {
    let rows: String = mails
        .iter()
        .rev()
        .map(|mail| {
            let (number, subject) = (mail.number, escape(&mail.subject()));
            let to = escape(&mail.to.join(", "));
            format!("<tr><td>{number}<td>{to}<td><a href=\"/mail/{number}\">{subject}</a>\n")
        })
        .collect();
    let count = mails.len();
    format!(
        "<p>{count} mails, the newest first. Reload the page for more.</p>\n\
         <table><tr><th>No.<th>To<th>Subject\n{rows}</table>\n"
    )
}

fn single(mail: &Mail) -> String {
    let header = |name: &str| escape(&mail.header(name).unwrap_or_default());
    let attachments: String = mail
        .attachments()
        .iter()
        .map(|(name, content)| {
            let (name, content) = (escape(name), escape(&String::from_utf8_lossy(content)));
            format!("<h2>Attachment {name}</h2><pre>{content}</pre>\n")
        })
        .collect();
    format!(
        "<p><a href=\"/\">All mails</a></p>\n\
         <table><tr><th>From<td>{}<tr><th>To<td>{}<tr><th>Sent to<td>{}<tr><th>Returned to<td>{}\
         <tr><th>Message-ID<td>{}<tr><th>Date<td>{}</table>\n\
         <h2>Text</h2><pre>{}</pre>\n\
         <h2>HTML</h2><iframe sandbox srcdoc=\"{}\"></iframe>\n{attachments}\
         <h2>As sent</h2><details><summary>{} bytes</summary><pre>{}</pre></details>\n",
        header("From"),
        header("To"),
        escape(&mail.to.join(", ")),
        escape(&mail.from),
        header("Message-ID"),
        header("Date"),
        escape(&mail.text()),
        escape(&mail.html()),
        mail.raw.len(),
        escape(&String::from_utf8_lossy(&mail.raw)),
    )
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

const STYLE: &str = "body{font:16px/1.4 sans-serif;max-width:60em;margin:1em auto;padding:0 1em}\
    table{border-collapse:collapse}th,td{text-align:left;padding:.2em 1em .2em 0;vertical-align:top}\
    pre{background:#f4f4f4;padding:1em;overflow-x:auto;white-space:pre-wrap}\
    iframe{width:100%;height:30em;border:1px solid #ccc}";
