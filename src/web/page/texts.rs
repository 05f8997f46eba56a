//! The words of mails: ours, what the operator puts in their place, and what a mail then looks like.

use super::acting::may_act;
use super::people::csrf;
use super::{Page, Table};
use crate::clock::Timestamp;
use crate::lang::{self, FamilyText, fill};
use crate::notify::texts::{self, Edit, FREE, Fault as Wrong, Own, Texts};
use crate::notify::{Mail, Sender, compose, sample};
use crate::report::kind::Family;
use crate::web::access::Who;
use crate::web::hand::Hand;
use crate::web::html::{Html, html, put};
use crate::web::router::{Fault, Query};
use crate::web::view::Site;
use crate::web::words::PageWords;

/// Which words: of one family, or those around all families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Sentences,
    Family(Family),
}

impl Passage {
    /// By the word in a path.
    pub(crate) fn read(word: &str) -> Option<Self> {
        if word == SENTENCES { Some(Self::Sentences) } else { Family::read(word).map(Self::Family) }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Sentences => SENTENCES,
            Self::Family(family) => family.word(),
        }
    }

    pub(crate) fn path(self, tag: &str) -> String {
        format!("/texts/{tag}/{}", self.word())
    }

    /// What a form says of it, and why that cannot be taken: the key of the text at fault.
    pub(crate) fn typed(self, fields: &mut Query) -> Typed {
        let mut text = |key: &str| fields.take(&format!("text.{key}")).unwrap_or_default();
        match self {
            Self::Sentences => {
                let typed = FREE.map(|key| (key, one_line(&text(key))));
                let wrong = typed.iter().find_map(|(key, text)| {
                    texts::check_sentence(key, text).err().map(|wrong| (*key, wrong))
                });
                Typed { edit: Edit::Sentences(typed.into()), wrong }
            }
            Self::Family(family) => {
                let mut typed = FamilyText::default();
                for (key, place) in typed.texts_mut() {
                    *place = one_line(&text(key));
                }
                for (key, place) in typed.steps_mut() {
                    let lines = text(key);
                    *place = lines.lines().map(one_line).filter(|line| !line.is_empty()).collect();
                }
                let wrong = typed.check().err();
                Typed { edit: Edit::Family(family, Box::new(typed)), wrong }
            }
        }
    }

    /// Ours again.
    pub(crate) fn reset(self, tag: &str) -> Edit {
        let ours = Texts::default();
        let voice = ours.voice(tag);
        match self {
            Self::Sentences => {
                let ours = |key| (key, voice.say.get(key).unwrap_or_default().to_owned());
                Edit::Sentences(FREE.map(ours).into())
            }
            Self::Family(family) => Edit::Family(family, Box::new(voice.family(family).clone())),
        }
    }
}

/// What was sent.
pub(crate) struct Typed {
    pub(crate) edit: Edit,
    pub(crate) wrong: Option<(&'static str, Wrong)>,
}

/// Every family in one language.
pub(crate) fn list(hand: &dyn Hand, site: &Site, who: &Who, tag: &str) -> Result<Page, Fault> {
    let t = site.words();
    let (all, _) = hand.texts();
    let voice = all.voice(tag);
    if voice.say.tag != tag {
        return Err(Fault::NotFound);
    }
    let own = all.own(tag);
    let mut tongues = Html::default();
    for (known, name) in lang::NAMES {
        let current = (*known == tag).then(|| html!(" aria-current=\"page\""));
        put!(tongues, "<li><a href=\"/texts/", *known, "\"", current, ">", *name, "</a></li>");
    }
    let mark = |is_own: bool| is_own.then(|| html!(" <span class=\"badge\">", t.texts.own, "</span>"));
    let has_sentence = own.is_some_and(|own| !own.sentences.is_empty());
    let mut table = Table::new([t.texts.family, t.texts.in_settings]);
    table.row([
        html!(
            "<a href=\"",
            Passage::Sentences.path(tag),
            "\">",
            t.texts.sentences,
            "</a>",
            mark(has_sentence)
        ),
        Html::default(),
    ]);
    for &family in Family::ALL {
        let text = voice.family(family);
        let is_own = own.is_some_and(|own| own.families.contains_key(&family));
        table.row([
            html!("<a href=\"", Passage::Family(family).path(tag), "\">", text.title, "</a>", mark(is_own)),
            html!("<code>", family.word(), "</code>"),
        ]);
    }
    let body = html!(
        "<p class=\"up\"><a href=\"/mail\">",
        t.mails.title,
        "</a></p><h1>",
        t.texts.title,
        "</h1><p>",
        t.texts.about,
        "</p><ul class=\"places\">",
        tongues,
        "</ul>",
        review(own, tag, who, t),
        table.or_say("")
    );
    Ok(Page { title: t.texts.title.to_owned(), entry: "/mail", body })
}

/// Whether somebody who speaks the language has read our translation.
fn review(own: Option<&Own>, tag: &str, who: &Who, t: &PageWords) -> Option<Html> {
    if !lang::is_translated(tag) {
        return None;
    }
    if own.is_some_and(|own| own.reviewed) {
        return Some(html!("<p>", t.texts.reviewed, "</p>"));
    }
    let form = may_act(who).then(|| {
        html!(
            "<form class=\"acts\" action=\"/texts/reviewed\" method=\"post\">",
            csrf(who),
            "<input type=\"hidden\" name=\"language\" value=\"",
            tag,
            "\"><button>",
            t.texts.confirm,
            "</button></form>"
        )
    });
    Some(html!("<p class=\"alarm\">", t.texts.unreviewed, "</p>", form))
}

/// The words of one part, as they are or as they were typed, and a mail with them.
pub(crate) fn one(
    hand: &dyn Hand,
    site: &Site,
    who: &Who,
    (tag, part): (&str, Passage),
    typed: Option<&Typed>,
    now: Timestamp,
) -> Result<Page, Fault> {
    let t = site.words();
    let (all, sender) = hand.texts();
    let mut shown = (*all).clone();
    if shown.voice(tag).say.tag != tag {
        return Err(Fault::NotFound);
    }
    if let Some(Typed { edit, wrong: None }) = typed {
        shown.edit(tag, edit.clone());
    }
    let name = match part {
        Passage::Sentences => t.texts.sentences,
        Passage::Family(family) => site.terms().family(family).title.as_str(),
    };
    let tongue = lang::name_of(tag).unwrap_or(tag);
    let mut body = html!(
        "<p class=\"up\"><a href=\"/texts/",
        tag,
        "\">",
        t.texts.title,
        ", ",
        tongue,
        "</a></p><h1>",
        name,
        "</h1>"
    );
    if let Some((key, wrong)) = typed.and_then(|typed| typed.wrong.as_ref()) {
        let why = fill(t.texts.wrong, &[("name", &label(key, t)), ("why", &complaint(wrong, t))]);
        put!(body, "<p class=\"alarm\" role=\"alert\">", why, "</p>");
    }
    let mail = preview(&shown, sender, (tag, part), site, now);
    match typed {
        // What was typed is kept nowhere, so no frame can ask for it.
        Some(_) => {
            put!(body, "<h2>", t.texts.preview, "</h2><pre>", mail.subject, "\n\n", mail.text, "</pre>")
        }
        None => put!(
            body,
            "<h2>",
            t.texts.preview,
            "</h2><p class=\"subject\"><b>",
            mail.subject,
            "</b></p><iframe class=\"mail\" tabindex=\"0\" sandbox title=\"",
            t.mails.as_html,
            "\" src=\"",
            part.path(tag),
            "/html\"></iframe>"
        ),
    }
    if may_act(who) {
        put!(body, "<h2>", t.texts.change, "</h2>", form(&shown, who, (tag, part), typed, t));
    }
    Ok(Page { title: name.to_owned(), entry: "/mail", body })
}

/// The HTML of a mail with the words as they are.
pub(crate) fn html_part(
    hand: &dyn Hand,
    site: &Site,
    (tag, part): (&str, Passage),
    now: Timestamp,
) -> Result<String, Fault> {
    let (all, sender) = hand.texts();
    if all.voice(tag).say.tag != tag {
        return Err(Fault::NotFound);
    }
    preview(&all, sender, (tag, part), site, now).html.ok_or(Fault::NotFound)
}

fn preview(texts: &Texts, sender: Sender, (tag, part): (&str, Passage), site: &Site, now: Timestamp) -> Mail {
    let family = match part {
        Passage::Sentences => Family::RemoteDesktop,
        Passage::Family(family) => family,
    };
    compose::customer(&sample::digest(family, sender, now, &site.zone), &texts.voice(tag))
}

fn form(
    shown: &Texts,
    who: &Who,
    (tag, part): (&str, Passage),
    typed: Option<&Typed>,
    t: &PageWords,
) -> Html {
    let mut form = html!(
        "<form class=\"settings\" action=\"/texts/change\" method=\"post\"><fieldset>",
        csrf(who),
        "<input type=\"hidden\" name=\"language\" value=\"",
        tag,
        "\"><input type=\"hidden\" name=\"part\" value=\"",
        part.word(),
        "\">"
    );
    let voice = shown.voice(tag);
    let mut field = |key: &str, text: &str, hint: Option<&str>| {
        let wide = text.chars().count() / 60 + text.matches('\n').count() + 1;
        put!(
            form,
            "<div class=\"setting\"><label for=\"",
            key,
            "\">",
            label(key, t),
            "</label><textarea id=\"",
            key,
            "\" name=\"text.",
            key,
            "\" lang=\"",
            tag,
            "\" rows=\"",
            wide.min(ROWS_SHOWN_MAX).to_string(),
            "\" maxlength=\"",
            FIELD_CHARS_MAX.to_string(),
            "\">\n",
            text,
            "</textarea>",
            hint.map(|hint| html!("<p class=\"hint\">", hint, "</p>")),
            "</div>"
        );
    };
    match (part, typed.map(|typed| &typed.edit)) {
        (_, Some(Edit::Sentences(typed))) => {
            for (key, text) in typed {
                field(key, text, names_hint(key, t).as_deref());
            }
        }
        (_, Some(Edit::Family(_, text))) => family_fields(text, &mut field, t),
        (Passage::Family(family), _) => family_fields(voice.family(family), &mut field, t),
        (Passage::Sentences, _) => {
            for key in FREE {
                field(key, voice.say.get(key).unwrap_or_default(), names_hint(key, t).as_deref());
            }
        }
    }
    let button = |word: &str, class: &str, name: &str| {
        html!(
            "<button name=\"do\" value=\"",
            word,
            "\"",
            (!class.is_empty()).then(|| html!(" class=\"quiet\"")),
            ">",
            name,
            "</button> "
        )
    };
    put!(
        form,
        button("preview", "", t.texts.show_preview),
        button("save", "", t.texts.save),
        button("reset", "quiet", t.texts.reset),
        "</fieldset></form>"
    );
    form
}

fn family_fields(text: &FamilyText, field: &mut impl FnMut(&str, &str, Option<&str>), t: &PageWords) {
    let texts = text.texts();
    let steps = text.steps();
    // In the order in which a mail has them.
    for (key, text) in &texts[..4] {
        field(key, text, None);
    }
    for (key, steps) in steps {
        field(key, &steps.join("\n"), Some(t.texts.steps_hint));
    }
    for (key, text) in &texts[4..] {
        field(key, text, None);
    }
}

/// What is filled in, of a sentence in which something is.
fn names_hint(key: &str, t: &PageWords) -> Option<String> {
    let names: Vec<String> = texts::names_of(key).iter().map(|name| format!("{{{name}}}")).collect();
    (!names.is_empty()).then(|| fill(t.texts.names_hint, &[("names", &names.join(", "))]))
}

/// What a text is for.
fn label(key: &str, t: &PageWords) -> String {
    let t = &t.texts;
    let label = match key {
        "title" => t.l_title,
        "seen" => t.l_seen,
        "matters" => t.l_matters,
        "device" => t.l_device,
        "layman" => t.l_layman,
        "technician" => t.l_technician,
        "check" => t.l_check,
        "intended" => t.l_intended,
        "subject_one" => t.l_subject_one,
        "subject_many" => t.l_subject_many,
        "greeting" => t.l_greeting,
        "greeting_unnamed" => t.l_greeting_unnamed,
        "intro_one" => t.l_intro_one,
        "intro_many" => t.l_intro_many,
        "which_device" => t.l_which_device,
        "gone" => t.l_gone,
        "answer_title" => t.l_answer_title,
        "answer" => t.l_answer,
        "genuine_title" => t.l_genuine_title,
        "genuine" => t.l_genuine,
        "sender_title" => t.l_sender_title,
        "sender" => t.l_sender,
        "footer" => t.l_footer,
        _ => key,
    };
    label.to_owned()
}

fn complaint(wrong: &Wrong, t: &PageWords) -> String {
    let t = &t.texts;
    match wrong {
        Wrong::Empty => t.empty.to_owned(),
        Wrong::Long => fill(t.long, &[("count", &texts::TEXT_CHARS_MAX.to_string())]),
        Wrong::Missing(name) => fill(t.missing, &[("name", &format!("{{{name}}}"))]),
        Wrong::Unknown(name) => fill(t.unknown, &[("name", &format!("{{{name}}}"))]),
        Wrong::Backtick => t.backtick.to_owned(),
        Wrong::Steps => fill(t.too_many_steps, &[("count", &texts::STEPS_MAX.to_string())]),
    }
}

/// A text has one line; whoever prints it wraps it.
fn one_line(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

const SENTENCES: &str = "sentences";
/// Lines of a field; the browser lets it grow.
const ROWS_SHOWN_MAX: usize = 12;
/// All steps of a list at their longest are one field.
const FIELD_CHARS_MAX: usize = texts::TEXT_CHARS_MAX * texts::STEPS_MAX;
