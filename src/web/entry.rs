//! The way in: sessions, the pages for those who have none, and every form that is sent.

use super::access::{Who, is_same};
use super::acts;
use super::gate::{Denied, NewPerson, SessionId};
use super::html::link;
use super::page::{self, people::Told};
use super::router::{Desk, Fault, Query, Reply, VALUE_BYTES_MAX, plain, see_other};
use super::words::Say;
use crate::customers::import::FILE_BYTES_MAX;
use crate::fetch::REPORT_BYTES_MAX;
use crate::net::is_near;
use crate::sessions::LOG_BYTES_MAX;
use crate::store::Role;

/// Who asks, if the cookie names a session that holds on this scheme.
pub(crate) fn who(desk: &Desk<'_>) -> Option<Who> {
    if !may_send(desk) {
        return None;
    }
    desk.gate.session(session_id(desk)?, desk.visitor.is_secure)
}

/// For those who have not logged in: the one page that they get.
pub(crate) fn show(desk: &Desk<'_>, path: &str, query: &str) -> Reply {
    match desk.gate.is_claimed() {
        Err(trouble) => {
            denied(desk, Denied::Trouble(trouble), |_| page::entry::log_in(desk, "/", None), None)
        }
        Ok(false) if path == "/" => desk.reply(200, page::entry::claim(desk, None), None),
        Ok(false) => see_other("/"),
        Ok(true) if path == "/login" => {
            desk.reply(200, page::entry::log_in(desk, &wanted(query), None), None)
        }
        // From there he is led on to where he wanted to go.
        Ok(true) => {
            let to = Some(desk.request.target).filter(|target| target.len() <= VALUE_BYTES_MAX);
            see_other(&link("/login", &[("to", to.unwrap_or_default())]))
        }
    }
}

/// Where whoever logs in wants to go, by the query of that page.
pub(crate) fn wanted(query: &str) -> String {
    let to = Query::parse(query).ok().and_then(|mut query| query.take("to"));
    to.unwrap_or_else(|| "/".to_owned())
}

/// Does what a form asks for.
pub(crate) fn act(desk: &Desk<'_>, path: &str) -> Reply {
    let request = desk.request;
    let refused = &desk.site.words().refused;
    let form = FORMS.iter().find(|form| form.path == path);
    let wanted = match form {
        // The door has taken it apart.
        Some(Form { act: Act::Upload(..), .. }) => "multipart/form-data",
        _ => "application/x-www-form-urlencoded",
    };
    let media_type = request.content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(wanted) {
        return plain(415, refused.no_form);
    }
    let scheme = if desk.visitor.is_secure { "https" } else { "http" };
    // Of a page of ours the browser says so, and no other page can make it say that.
    let is_from_us = request.origin.eq_ignore_ascii_case(&format!("{scheme}://{}", request.host))
        && matches!(request.fetch_site, "" | "same-origin");
    if !is_from_us {
        return plain(403, refused.not_ours);
    }
    if !may_send(desk) {
        return plain(403, refused.far_away);
    }
    let fields = std::str::from_utf8(request.body).map_err(|_| Fault::Query(|t| t.refused.unreadable));
    let mut fields = match fields.and_then(Query::parse_form) {
        Ok(fields) => fields,
        Err(_) => return plain(400, refused.unreadable),
    };
    let Some(form) = form else { return plain(404, refused.unknown_form) };
    let (act, role) = match form.act {
        Act::Outside(act) => return act(desk, &mut fields),
        Act::Inside(role, act) => (act, role),
        Act::Upload(_, act) => (act, Role::Operator),
    };
    match who(desk) {
        None => see_other("/login"),
        Some(who) if !fields.take("csrf").is_some_and(|token| is_same(&token, &who.csrf)) => {
            plain(403, refused.ended)
        }
        Some(who) if role == Role::Operator && who.role != role => plain(403, refused.viewer),
        Some(who) => act(desk, &who, &mut fields),
    }
}

/// A form that can be sent.
pub struct Form {
    pub path: &'static str,
    pub(crate) act: Act,
}

impl Form {
    /// Who may send it; `None`: those who have no session yet.
    pub fn role(&self) -> Option<Role> {
        match self.act {
            Act::Outside(_) => None,
            Act::Inside(role, _) => Some(role),
            Act::Upload(..) => Some(Role::Operator),
        }
    }

    /// The largest file that may come with it, if one may.
    pub fn file_bytes_max(&self) -> Option<u64> {
        match self.act {
            Act::Upload(bytes_max, _) => Some(bytes_max),
            Act::Outside(_) | Act::Inside(..) => None,
        }
    }
}

/// What a form does, and for whom.
pub(crate) enum Act {
    /// For those who have no session yet.
    Outside(fn(&Desk<'_>, &mut Query) -> Reply),
    /// For those with a session whose role is at least this.
    Inside(Role, fn(&Desk<'_>, &Who, &mut Query) -> Reply),
    /// For operators: it may bring a file of at most so many bytes.
    Upload(u64, fn(&Desk<'_>, &Who, &mut Query) -> Reply),
}

/// All forms: what does not stand here, nobody can send.
pub const FORMS: &[Form] = &[
    Form { path: "/claim", act: Act::Outside(claim) },
    Form { path: "/login", act: Act::Outside(log_in) },
    Form { path: "/logout", act: Act::Inside(Role::Viewer, log_out) },
    Form { path: "/password", act: Act::Inside(Role::Viewer, change_password) },
    Form { path: "/people/add", act: Act::Inside(Role::Operator, add_person) },
    Form { path: "/people/remove", act: Act::Inside(Role::Operator, remove_person) },
    Form { path: "/mail/change", act: Act::Inside(Role::Operator, acts::mails) },
    Form { path: "/system/power", act: Act::Inside(Role::Operator, acts::power) },
    Form { path: "/system/support/download", act: Act::Inside(Role::Operator, acts::support) },
    Form { path: "/system/certificate/change", act: Act::Inside(Role::Operator, acts::certificate) },
    Form { path: "/texts/change", act: Act::Inside(Role::Operator, acts::texts) },
    Form { path: "/texts/reviewed", act: Act::Inside(Role::Operator, acts::reviewed) },
    Form { path: "/settings/change", act: Act::Inside(Role::Operator, acts::settings) },
    Form { path: "/families/change", act: Act::Inside(Role::Operator, acts::family) },
    Form { path: "/setup/change", act: Act::Inside(Role::Operator, acts::setup) },
    Form { path: "/setup/check", act: Act::Inside(Role::Operator, acts::check) },
    Form { path: "/setup/live", act: Act::Inside(Role::Operator, acts::go_live) },
    Form { path: "/incidents/change", act: Act::Inside(Role::Operator, acts::incidents) },
    Form { path: "/reports/upload", act: Act::Upload(REPORT_BYTES_MAX, acts::upload_report) },
    Form { path: "/customers/upload", act: Act::Upload(FILE_BYTES_MAX as u64, acts::upload_customers) },
    Form { path: "/sessions/upload", act: Act::Upload(LOG_BYTES_MAX, acts::upload_sessions) },
    Form { path: "/customers/fetch", act: Act::Inside(Role::Operator, acts::fetch) },
    Form { path: "/customers/addresses", act: Act::Upload(FILE_BYTES_MAX as u64, acts::upload_addresses) },
    Form { path: "/customers/held", act: Act::Inside(Role::Operator, acts::check_held_customers) },
    Form { path: "/customers/take", act: Act::Inside(Role::Operator, acts::take_customers) },
    Form { path: "/customers/discard", act: Act::Inside(Role::Operator, acts::discard_customers) },
];

/// The largest file that may come with a form that is sent there.
pub(crate) fn file_bytes_max(path: &str) -> Option<u64> {
    FORMS.iter().find(|form| form.path == path).and_then(Form::file_bytes_max)
}

/// Whether passwords may come this way: by HTTPS, or over the operator's own wires.
pub(crate) fn may_send(desk: &Desk<'_>) -> bool {
    desk.visitor.is_secure || is_near(desk.visitor.peer)
}

fn claim(desk: &Desk<'_>, fields: &mut Query) -> Reply {
    let code = fields.take("code").unwrap_or_default();
    let new = match new_person(fields, Some(Role::Operator)) {
        Ok(new) => new,
        Err(why) => return denied(desk, why, |told| page::entry::claim(desk, Some(told)), None),
    };
    match desk.gate.claim(&desk.visitor, &code, &new, desk.now) {
        Ok(id) => enter(desk, &id, "/"),
        // Somebody else was first.
        Err(why) if desk.gate.is_claimed().unwrap_or(false) => {
            denied(desk, why, |told| page::entry::log_in(desk, "/", Some(told)), None)
        }
        Err(why) => denied(desk, why, |told| page::entry::claim(desk, Some(told)), None),
    }
}

fn log_in(desk: &Desk<'_>, fields: &mut Query) -> Reply {
    let [name, password, to] = ["name", "password", "to"].map(|field| fields.take(field).unwrap_or_default());
    match desk.gate.log_in(&desk.visitor, &name, &password, desk.now) {
        Ok(id) => enter(desk, &id, &to),
        Err(why) => denied(desk, why, |told| page::entry::log_in(desk, &to, Some(told)), None),
    }
}

fn log_out(desk: &Desk<'_>, _who: &Who, _fields: &mut Query) -> Reply {
    if let Some(id) = session_id(desk) {
        desk.gate.log_out(id);
    }
    cookie(desk, see_other("/login"), "", "; Max-Age=0")
}

fn change_password(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let [old, new, again] = ["old", "password", "again"].map(|field| fields.take(field).unwrap_or_default());
    if new != again {
        return on_people(desk, who, Denied::because(|t| t.denied.not_the_same));
    }
    match desk.gate.change_password(&desk.visitor, who, &old, &new, desk.now) {
        Ok(id) => enter(desk, &id, "/people"),
        Err(why) => on_people(desk, who, why),
    }
}

fn add_person(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let new = new_person(fields, None);
    let done = new.and_then(|new| desk.gate.add_person(&desk.visitor, who, &new, desk.now));
    done.map_or_else(|why| on_people(desk, who, why), |()| see_other("/people"))
}

fn remove_person(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let name = fields.take("name").unwrap_or_default();
    let done = desk.gate.remove_person(&desk.visitor, who, &name, desk.now);
    done.map_or_else(|why| on_people(desk, who, why), |()| see_other("/people"))
}

fn new_person(fields: &mut Query, role: Option<Role>) -> Result<NewPerson, Denied> {
    let [name, password, again, word] =
        ["name", "password", "again", "role"].map(|field| fields.take(field).unwrap_or_default());
    if password != again {
        return Err(Denied::because(|t| t.denied.not_the_same));
    }
    let role = role.or_else(|| Role::ALL.into_iter().find(|role| role.word() == word));
    let role = role.ok_or(Denied::because(|t| t.denied.choose_role))?;
    Ok(NewPerson { name, role, password })
}

/// Lets somebody in who has just proved who he is.
fn enter(desk: &Desk<'_>, id: &SessionId, to: &str) -> Reply {
    cookie(desk, lead_to(to), &id.0, "")
}

/// To a path of ours, and nowhere else: `//host` and `/\host` lead elsewhere, and a header holds ASCII.
pub(crate) fn lead_to(to: &str) -> Reply {
    let is_ours = to.starts_with('/')
        && !to[1..].starts_with(['/', '\\'])
        && to.bytes().all(|byte| byte.is_ascii_graphic());
    see_other(if is_ours { to } else { "/" })
}

fn cookie(desk: &Desk<'_>, reply: Reply, id: &str, more: &str) -> Reply {
    let (name, secure) = if desk.visitor.is_secure { (SECURE_COOKIE, "; Secure") } else { (COOKIE, "") };
    reply.with("Set-Cookie", format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict{secure}{more}"))
}

fn session_id<'a>(desk: &'a Desk<'_>) -> Option<&'a str> {
    let wanted = if desk.visitor.is_secure { SECURE_COOKIE } else { COOKIE };
    let pairs = desk.request.cookie.split(';').filter_map(|pair| pair.trim().split_once('='));
    // Of two of a name, one was set by somebody else: neither holds.
    let mut ids = pairs.filter(|(name, _)| *name == wanted).map(|(_, id)| id);
    ids.next().filter(|id| !id.is_empty() && ids.next().is_none())
}

fn on_people(desk: &Desk<'_>, who: &Who, why: Denied) -> Reply {
    let show = |told: Told| {
        page::people::show(desk.gate, desk.site, who, Some(told))
            .unwrap_or_else(|_| page::entry::broken(desk.site.words()))
    };
    denied(desk, why, show, Some(who))
}

/// The page of the form again, with what was wrong.
fn denied(desk: &Desk<'_>, why: Denied, show: impl Fn(Told) -> page::Page, who: Option<&Who>) -> Reply {
    let t = desk.site.words();
    let (status, told, wait) = match why {
        Denied::Wait(wait) => {
            let seconds = wait.as_secs() + 1;
            (429, t.count(seconds, t.denied.wait_one, t.denied.wait_many), Some(seconds))
        }
        Denied::Wrong => (403, t.denied.wrong.to_owned(), None),
        Denied::Because(Say(why)) => (400, why(t).to_owned(), None),
        Denied::Trouble(trouble) => (500, trouble.0, None),
    };
    let reply = desk.reply(status, show(Told(told)), who);
    match wait {
        Some(seconds) => reply.with("Retry-After", seconds.to_string()),
        None => reply,
    }
}

/// Browsers take a cookie of this name by HTTPS only, for this host and all of its paths.
const SECURE_COOKIE: &str = "__Host-sid";
const COOKIE: &str = "sid";
