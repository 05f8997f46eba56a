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
    Table(Table),
}

/// Numbers in columns; as a picture, too, if so wished: one bar a row, in which each column has its shade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The first is that of the labels.
    pub heads: Vec<String>,
    /// Labels, with as many numbers as there are further heads.
    pub rows: Vec<(String, Row)>,
    pub drawn: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Numbers(Vec<u64>),
    /// In the place of numbers.
    Said(String),
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
            Block::Table(table) => table.write_text(&mut out, colon),
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
            Block::Table(table) => table.html(),
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

impl Table {
    /// The longest bar.
    fn most(&self) -> u64 {
        let sum = |row: &(String, Row)| match &row.1 {
            Row::Numbers(numbers) => numbers.iter().fold(0, |sum: u64, number| sum.saturating_add(*number)),
            Row::Said(_) => 0,
        };
        self.rows.iter().map(sum).max().unwrap_or_default()
    }

    /// In columns, or in lines where there is no room for them.
    fn write_text(&self, out: &mut String, colon: &str) {
        let Some((first, heads)) = self.heads.split_first() else { return };
        let heads: Vec<String> = heads
            .iter()
            .zip(SHADES.iter().map(Some).chain(std::iter::repeat(None)))
            .map(|(head, shade)| match shade.filter(|_| self.drawn) {
                Some((shade, _)) => format!("{head} {shade}"),
                None => head.clone(),
            })
            .collect();
        let mut widths: Vec<usize> = heads.iter().map(|head| width(head)).collect();
        for (_, row) in &self.rows {
            if let Row::Numbers(numbers) = row {
                for (widest, number) in widths.iter_mut().zip(numbers) {
                    *widest = (*widest).max(width(&number.to_string()));
                }
            }
        }
        let numbers_room: usize = widths.iter().map(|width| width + GAP).sum();
        let bar_least = if self.drawn { GAP + BAR_LEAST } else { 0 };
        let Some(most) =
            TEXT_COLUMNS.checked_sub(numbers_room + bar_least).filter(|most| *most >= LABEL_LEAST)
        else {
            return self.write_lines(out, colon);
        };
        let labels = self.rows.iter().map(|(label, _)| width(label));
        let label_room = labels.chain([width(first)]).max().unwrap_or_default().min(most);
        let too_long =
            |row: &Row| matches!(row, Row::Said(said) if label_room + GAP + width(said) > TEXT_COLUMNS);
        if self.rows.iter().any(|(_, row)| too_long(row)) {
            return self.write_lines(out, colon);
        }
        let bar_room = (TEXT_COLUMNS - numbers_room - label_room).saturating_sub(GAP).min(BAR_MOST);
        let most = self.most();
        let mut line = |label: &str, rest: &str| {
            for (at, piece) in pieces_of(label, label_room).iter().enumerate() {
                let pad = " ".repeat(label_room - width(piece));
                let line = if at == 0 { format!("{piece}{pad}{rest}") } else { piece.clone() };
                out.push_str(line.trim_end());
                out.push('\n');
            }
        };
        let gap = " ".repeat(GAP);
        let cell = |text: &str, room: usize| format!("{gap}{}{text}", " ".repeat(room - width(text)));
        line(first, &heads.iter().zip(&widths).map(|(head, room)| cell(head, *room)).collect::<String>());
        for (label, row) in &self.rows {
            let rest = match row {
                Row::Numbers(numbers) => {
                    let cells =
                        numbers.iter().zip(&widths).map(|(number, room)| cell(&number.to_string(), *room));
                    let mut rest: String = cells.collect();
                    if self.drawn {
                        rest.push_str(&gap);
                        for (length, (shade, _)) in lengths(numbers, most, bar_room).into_iter().zip(SHADES) {
                            rest.extend(std::iter::repeat_n(shade, length));
                        }
                    }
                    rest
                }
                Row::Said(said) => format!("{gap}{said}"),
            };
            line(label, &rest);
        }
    }

    fn write_lines(&self, out: &mut String, colon: &str) {
        for (label, row) in &self.rows {
            let said = match row {
                Row::Numbers(numbers) => {
                    let heads = self.heads.iter().skip(1);
                    let said: Vec<String> =
                        heads.zip(numbers).map(|(head, number)| format!("{head} {number}")).collect();
                    said.join(", ")
                }
                Row::Said(said) => said.clone(),
            };
            wrap(out, "- ", "  ", &format!("{label}{colon} {said}"));
        }
    }

    fn html(&self) -> String {
        let mut table = format!(
            "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"{TABLE}\"><tr>"
        );
        for (at, head) in self.heads.iter().enumerate() {
            let align = if at == 0 { "left" } else { "right" };
            let shade = at.checked_sub(1).and_then(|at| SHADES.get(at)).filter(|_| self.drawn);
            let shade = shade
                .map(|(_, color)| format!(" <span style=\"background-color:{color}\">&nbsp;&nbsp;</span>"));
            // An empty cell is no head.
            let tag = if head.is_empty() { "td" } else { "th" };
            table.push_str(&format!(
                "<{tag} align=\"{align}\" style=\"{HEAD}\">{}{}</{tag}>",
                if head.is_empty() { "&nbsp;".to_owned() } else { escape(head) },
                shade.unwrap_or_default()
            ));
        }
        if self.drawn {
            table.push_str(&format!("<td style=\"{HEAD}\">&nbsp;</td>"));
        }
        table.push_str("</tr>");
        let most = self.most();
        // Dates broken in two would make a picture twice as high on a telephone.
        let nowrap = if self.drawn { ";white-space:nowrap" } else { "" };
        for (label, row) in &self.rows {
            table.push_str(&format!(
                "\n<tr><th scope=\"row\" align=\"left\" style=\"{NUMBER};font-weight:normal{nowrap}\">{}</th>",
                escape(label)
            ));
            match row {
                Row::Numbers(numbers) => {
                    for number in numbers {
                        table.push_str(&format!("<td align=\"right\" style=\"{NUMBER}\">{number}</td>"));
                    }
                    if self.drawn {
                        table.push_str(&bar(numbers, most));
                    }
                }
                Row::Said(said) => table.push_str(&format!(
                    "<td colspan=\"{}\" style=\"{NUMBER};color:#555555\">{}</td>",
                    self.heads.len() - 1 + usize::from(self.drawn),
                    escape(said)
                )),
            }
            table.push_str("</tr>");
        }
        table + "</table>"
    }
}

/// Cells with a colour for a bar: pictures are not loaded, and Outlook knows no other way. Whoever listens has the numbers.
fn bar(numbers: &[u64], most: u64) -> String {
    let lengths = lengths(numbers, most, 100);
    let rest = 100 - lengths.iter().sum::<usize>();
    let shades = SHADES.iter().map(|(_, color)| *color).chain(["#ffffff"]);
    let cells: String = lengths
        .into_iter()
        .chain([rest])
        .zip(shades)
        .filter(|(length, _)| *length > 0)
        .map(|(length, color)| {
            format!(
                "<td width=\"{length}%\" height=\"12\" bgcolor=\"{color}\" \
                 style=\"background-color:{color};font-size:1px;line-height:12px\">&nbsp;</td>"
            )
        })
        .collect();
    format!(
        "<td width=\"45%\" aria-hidden=\"true\" style=\"{NUMBER}\"><table role=\"presentation\" width=\"100%\" \
         cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr>{cells}</tr></table></td>"
    )
}

/// How long the parts of a bar are, of which the longest bar fills the room. What is there is seen, however little.
fn lengths(numbers: &[u64], most: u64, room: usize) -> Vec<usize> {
    let mut left = room;
    let mut lengths = Vec::new();
    for number in numbers.iter().take(SHADES.len()) {
        let share = u128::from(*number) * room as u128 / u128::from(most.max(1));
        let length = usize::try_from(share).unwrap_or(room).max(usize::from(*number > 0)).min(left);
        left -= length;
        lengths.push(length);
    }
    lengths
}

/// A label in lines of this many columns.
fn pieces_of(label: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in label.split_ascii_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(room.max(1)) {
            let part: String = part.iter().collect();
            match pieces.last_mut() {
                Some(last) if last.is_empty() => *last = part,
                Some(last) if width(last) + 1 + width(&part) <= room => {
                    last.push(' ');
                    last.push_str(&part);
                }
                _ => pieces.push(part),
            }
        }
    }
    pieces
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

/// Of the columns of a picture: a letter for plain text, a colour for HTML. Each is darker or lighter than the next, too.
const SHADES: [(char, &str); 2] = [('\u{2588}', "#a4262c"), ('\u{2591}', "#7fb2d9")];
/// Blanks between columns.
const GAP: usize = 2;
/// A narrower column of labels, or a shorter bar, says nothing.
const LABEL_LEAST: usize = 10;
const BAR_LEAST: usize = 10;
const BAR_MOST: usize = 40;

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
/// Four columns, one of them a picture, have to find room on a telephone.
const NUMBER: &str = "padding:3px 5px;border:1px solid #d0d0d0;font-size:13px";
const HEAD: &str = "padding:3px 5px;border:1px solid #d0d0d0;font-size:12px;background-color:#f0f0f0";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn table(rows: Vec<(String, Row)>) -> Table {
        let heads = ["Day", "compromised", "exposed"].map(str::to_owned).into();
        Table { heads, rows, drawn: true }
    }

    #[test]
    fn a_picture_says_the_same_in_both_forms() {
        let row = |day: &str, numbers| (day.to_owned(), Row::Numbers(numbers));
        let table = table(vec![
            row("2027-03-08", vec![30, 90]),
            row("2027-03-09", vec![0, 1]),
            row("2027-03-10", vec![0, 0]),
            ("2027-03-11".to_owned(), Row::Said("no <report>".to_owned())),
        ]);
        let blocks = [Block::Table(table)];
        let bar = |dark: usize, light: usize| "\u{2588}".repeat(dark) + &"\u{2591}".repeat(light);
        let expected = format!(
            "Day         compromised \u{2588}  exposed \u{2591}\n\
             2027-03-08             30         90  {}\n\
             2027-03-09              0          1  {}\n\
             2027-03-10              0          0\n\
             2027-03-11  no <report>\n",
            bar(10, 30),
            bar(0, 1)
        );
        assert_eq!(text(&blocks, ":"), expected);
        let html = html(&blocks, "t", "en");
        for part in [
            ">2027-03-08</th><td align=\"right\"",
            &format!("<th align=\"left\" style=\"{HEAD}\">Day"),
            &format!("<th align=\"right\" style=\"{HEAD}\">exposed"),
            "<td width=\"25%\" height=\"12\" bgcolor=\"#a4262c\"",
            "<td width=\"75%\" height=\"12\" bgcolor=\"#7fb2d9\"",
            "<td width=\"1%\" height=\"12\" bgcolor=\"#7fb2d9\"",
            "no &lt;report&gt;",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert_eq!(html.matches("aria-hidden").count(), 3, "the numbers say all");
        assert!(!html.contains("width=\"0%\""), "{html}");
    }

    #[test]
    fn what_has_no_room_beside_a_bar_stands_in_lines() {
        let is_in_lines = |head: usize| {
            let rows = vec![("2027-03-08".to_owned(), Row::Numbers(vec![30]))];
            let heads = vec!["Day".to_owned(), "x".repeat(head)];
            text(&[Block::Table(Table { heads, rows, drawn: true })], ":").starts_with("- ")
        };
        let room = TEXT_COLUMNS - LABEL_LEAST - GAP - BAR_LEAST;
        // Beside its head stands the shade.
        let widest = room - GAP - 2;
        assert_eq!([widest, widest + 1].map(is_in_lines), [false, true]);
    }

    #[test]
    fn a_long_label_is_broken_between_words_or_else_within() {
        for (label, room, pieces) in [
            ("one two three", 7, &["one two", "three"][..]),
            ("one two", 6, &["one", "two"]),
            ("abcdefghij k", 4, &["abcd", "efgh", "ij k"]),
            ("", 4, &[""]),
        ] {
            assert_eq!(pieces_of(label, room), pieces, "{label}");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_a_table(
            heads in prop::collection::vec("\\PC{0,30}", 1..4),
            rows in prop::collection::vec(("(\\PC|<|\"| |\n){0,90}", prop::option::weighted(0.9, prop::collection::vec(
                prop_oneof![any::<u64>(), 0..200u64], 3))), 0..12),
            said in "\\PC{0,90}",
            drawn in any::<bool>(),
        ) {
            let columns = heads.len() - 1;
            let rows: Vec<_> = rows.into_iter().map(|(label, numbers)| (label, match numbers {
                Some(numbers) => Row::Numbers(numbers[..columns].to_vec()),
                None => Row::Said(said.clone()),
            })).collect();
            let blocks = [Block::Table(Table { heads, rows: rows.clone(), drawn })];
            let (text, html) = (text(&blocks, ":"), html(&blocks, "t", "en"));
            // Bars keep to the width; a long word of ours or another's need not.
            let longest = |line: &str| {
                let words = line.split([' ', '\u{2588}', '\u{2591}']);
                words.map(width).max().unwrap_or_default()
            };
            for line in text.lines() {
                prop_assert!(width(line) <= TEXT_COLUMNS || longest(line) > TEXT_COLUMNS / 4, "{}", line);
            }
            for number in rows.iter().filter_map(|(_, row)| if let Row::Numbers(n) = row { Some(n) } else { None }).flatten() {
                let cell = format!(">{number}</td>");
                prop_assert!(text.contains(&number.to_string()) && html.contains(&cell), "{}", number);
            }
            for bar in html.split("<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr><td width").skip(1) {
                let widths = bar.split("</table>").next().unwrap().split("%\" height");
                let sum: usize = widths.filter_map(|part| part.rsplit('"').next()?.parse::<usize>().ok()).sum();
                prop_assert_eq!(sum, 100);
            }
            prop_assert_eq!(html.matches("<table").count(), html.matches("</table>").count());
            prop_assert_eq!(html.matches("<tr>").count(), html.matches("</tr>").count());
        }
    }
}
