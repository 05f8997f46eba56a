//! A mail's content as blocks, and the two ways to show them: plain text and HTML. What one says, the other says.
//!
//! The HTML is for mail programs: tables, inline styles, nothing loaded from anywhere. Every text is escaped here
//! and nowhere else.

/// One part of a mail. All texts are single lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A mark that nobody may miss.
    Mark(String),
    Paragraph(String),
    Heading(String),
    /// Within what a heading stands above.
    Subheading(String),
    /// A line above steps or a paragraph.
    Label(String),
    Finding {
        title: String,
        badge: String,
        facts: Vec<(String, String)>,
    },
    /// Numbered.
    Steps(Vec<String>),
    Lines(Vec<String>),
}

/// Plain text, wrapped at [`TEXT_COLUMNS`]; only words longer than a line go beyond it.
/// `colon` stands behind labels: French has a space before it.
pub fn text(blocks: &[Block], colon: &str) -> String {
    let mut out = String::new();
    for block in blocks {
        match block {
            Block::Mark(text) => wrap(&mut out, "! ", "! ", text),
            Block::Paragraph(text) => wrap(&mut out, "", "", &code_as_text(text)),
            Block::Heading(text) => {
                out.push('\n');
                underlined(&mut out, text, "=");
            }
            Block::Subheading(text) => underlined(&mut out, text, "-"),
            Block::Label(text) => {
                wrap(&mut out, "", "", &format!("{text}{colon}"));
                // What it stands above follows at once.
                continue;
            }
            Block::Finding { title, badge, facts } => {
                wrap(&mut out, "* ", "  ", &format!("{title} ({badge})"));
                let widest = facts.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
                for (label, value) in facts {
                    let pad = " ".repeat(widest - width(label));
                    let hang = " ".repeat(widest + width(colon) + 5);
                    wrap(&mut out, &format!("    {label}{colon}{pad} "), &hang, value);
                }
            }
            Block::Steps(steps) => {
                for (at, step) in steps.iter().enumerate() {
                    wrap(&mut out, &format!("{:>2}. ", at + 1), "    ", &code_as_text(step));
                }
            }
            Block::Lines(lines) => lines.iter().for_each(|line| wrap(&mut out, "- ", "  ", line)),
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// A whole HTML document.
pub fn html(blocks: &[Block], title: &str, language: &str) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"margin:0;padding:0;background-color:#ffffff\">\n\
         <table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr>\
         <td style=\"padding:16px;{FONT}\">\n",
        escape(language),
        escape(title)
    );
    for block in blocks {
        out.push_str(&match block {
            Block::Mark(text) => format!("<p style=\"{MARK}\"><strong>{}</strong></p>", escape(text)),
            Block::Paragraph(text) => format!("<p style=\"margin:0 0 12px 0\">{}</p>", code_as_html(text)),
            Block::Heading(text) => format!("<h2 style=\"{HEADING}\">{}</h2>", escape(text)),
            Block::Subheading(text) => format!("<h3 style=\"{SUBHEADING}\">{}</h3>", escape(text)),
            Block::Label(text) => format!("<h4 style=\"{LABEL}\">{}</h4>", escape(text)),
            Block::Finding { title, badge, facts } => finding(title, badge, facts),
            Block::Steps(steps) => list("ol", steps),
            Block::Lines(lines) => list("ul", lines),
        });
        out.push('\n');
    }
    out + "</td></tr></table>\n</body>\n</html>\n"
}

fn finding(title: &str, badge: &str, facts: &[(String, String)]) -> String {
    let mut table = format!(
        "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"{TABLE}\">\
         <tr><th colspan=\"2\" align=\"left\" style=\"{CELL};background-color:#f0f0f0\">{} ({})</th></tr>",
        escape(title),
        escape(badge)
    );
    for (label, value) in facts {
        table.push_str(&format!(
            "\n<tr><td width=\"25%\" valign=\"top\" style=\"{CELL};color:#555555\">{}</td>\
             <td valign=\"top\" style=\"{CELL};word-break:break-word\">{}</td></tr>",
            escape(label),
            escape(value)
        ));
    }
    table + "</table>"
}

fn list(tag: &str, items: &[String]) -> String {
    let items: String = items
        .iter()
        .map(|item| format!("<li style=\"margin:0 0 4px 0\">{}</li>", code_as_html(item)))
        .collect();
    format!("<{tag} style=\"margin:0 0 12px 0;padding:0 0 0 24px\">{items}</{tag}>")
}

/// The text in pieces, every second of which is code: it stands between backticks.
fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`').enumerate().map(|(at, piece)| (at % 2 == 1, piece))
}

/// Code in quotation marks, as it is written in plain text.
fn code_as_text(text: &str) -> String {
    let piece = |(is_code, piece)| if is_code { format!("\"{piece}\"") } else { String::from(piece) };
    pieces(text).map(piece).collect()
}

fn code_as_html(text: &str) -> String {
    let piece = |(is_code, piece)| match is_code {
        true => format!("<code style=\"{CODE}\">{}</code>", escape(piece)),
        false => escape(piece),
    };
    pieces(text).map(piece).collect()
}

/// Text as content or quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Adds the text as lines that begin with `first`, then with `rest`.
fn wrap(out: &mut String, first: &str, rest: &str, text: &str) {
    out.push_str(first);
    let mut column = width(first);
    let mut is_fresh = true;
    // A no-break space, which French has before a colon, is no place to break at.
    for word in text.split_ascii_whitespace() {
        if !is_fresh && column + 1 + width(word) > TEXT_COLUMNS {
            out.push('\n');
            out.push_str(rest);
            column = width(rest);
            is_fresh = true;
        }
        if !is_fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width(word);
        is_fresh = false;
    }
    out.push('\n');
}

fn underlined(out: &mut String, text: &str, line: &str) {
    wrap(out, "", "", text);
    out.push_str(&line.repeat(width(text).min(TEXT_COLUMNS)));
    out.push('\n');
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// RFC 5322 2.1.1 asks for 78 characters at most.
pub const TEXT_COLUMNS: usize = 78;

const FONT: &str = "font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:1.5;color:#222222";
const MARK: &str = "margin:0 0 16px 0;padding:12px;border:2px solid #b35900;background-color:#fff4e5";
const HEADING: &str = "margin:28px 0 8px 0;font-size:19px;line-height:1.3";
const SUBHEADING: &str = "margin:20px 0 8px 0;font-size:16px;line-height:1.3";
const LABEL: &str = "margin:16px 0 4px 0;font-size:15px";
const TABLE: &str = "border-collapse:collapse;margin:0 0 16px 0;font-size:14px";
const CODE: &str = "font-family:Consolas,Menlo,monospace;font-size:13px;word-break:break-word";
const CELL: &str = "padding:4px 8px;border:1px solid #d0d0d0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_show_everything() {
        let blocks = [
            Block::Mark("mark & more".to_owned()),
            Block::Heading("Heading".to_owned()),
            Block::Paragraph("word ".repeat(40)),
            Block::Label("Do".to_owned()),
            Block::Steps(vec!["first".to_owned(), "second ".repeat(20)]),
            Block::Finding {
                title: "<script>".to_owned(),
                badge: "high".to_owned(),
                facts: vec![("Address".to_owned(), "\"'&".to_owned()), ("Port".to_owned(), "80 ".repeat(30))],
            },
            Block::Lines(vec!["x".repeat(100)]),
        ];
        let text = text(&blocks, ":");
        assert!(
            text.lines().all(|line| line.len() <= TEXT_COLUMNS || line == format!("- {}", "x".repeat(100)))
        );
        assert!(text.starts_with("! mark & more\n\n\nHeading\n=======\n\nword word"), "{text}");
        assert!(text.contains("Do:\n 1. first\n 2. second second"), "{text}");
        assert!(text.contains("* <script> (high)\n    Address: \"'&\n    Port:    80 80"), "{text}");
        assert!(text.contains("80\n             80"), "values hang below each other: {text}");
        let html = html(&blocks, "<t>", "e\"n");
        for part in
            ["mark &amp; more", "&lt;script&gt; (high)", "&quot;&#39;&amp;", "<li", "lang=\"e&quot;n\""]
        {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains("<script") && !html.contains("http"), "{html}");
    }

    #[test]
    fn a_line_is_filled_to_its_end() {
        let lines = |last: usize| {
            let text = text(&[Block::Paragraph(format!("{} {}", "x".repeat(40), "y".repeat(last)))], ":");
            text.trim().lines().count()
        };
        assert_eq!((lines(TEXT_COLUMNS - 41), lines(TEXT_COLUMNS - 40)), (1, 2));
    }
}
