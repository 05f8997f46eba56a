//! Somebody at the page of a program, or of a box in QEMU: over HTTP, as a browser without JavaScript does it.

#![allow(dead_code, reason = "no test does all of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Who sits at the page, once logged in.
pub(crate) struct Operator {
    pub(crate) address: SocketAddr,
    pub(crate) cookie: String,
}

impl Operator {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, cookie: String::new() }
    }

    /// What every request begins with: its first lines, and those of a browser.
    pub(crate) fn head(&self, lines: &str, body_bytes: usize) -> String {
        let (host, cookie) = (self.address, &self.cookie);
        format!(
            "{lines}\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\nContent-Length: {body_bytes}\r\n\r\n"
        )
    }

    fn ask(&self, lines: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(&[self.head(lines, body.len()).as_bytes(), body].concat()).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        String::from_utf8(reply).unwrap()
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        let reply = self.ask(&format!("GET {path} HTTP/1.1"), b"");
        assert!(reply.starts_with("HTTP/1.1 200 "), "{path}: {reply}");
        reply
    }

    pub(crate) fn post(&self, path: &str, fields: &str) -> String {
        let lines = format!("POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded");
        self.ask(&lines, fields.as_bytes())
    }

    /// Takes the box into possession with its setup code.
    pub(crate) fn claim(&mut self, code: &str) {
        let words = "password=several+good+words&again=several+good+words";
        let reply = self.post("/claim", &format!("code={code}&name=ann&{words}"));
        let (_, cookie) = reply.split_once("Set-Cookie: ").unwrap_or_else(|| panic!("{reply}"));
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    pub(crate) fn csrf(&self) -> String {
        between(&self.get("/people"), "name=\"csrf\" value=\"", "\"").to_owned()
    }

    /// The form with a file, up to the file's end.
    pub(crate) fn parts(&self, name: &str, content: &str, csrf: &str) -> Vec<u8> {
        format!(
            "--x7\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--x7\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n\
             {content}\r\n--x7--\r\n"
        )
        .into_bytes()
    }

    pub(crate) fn send(&self, path: &str, name: &str, content: &str, csrf: &str) -> String {
        let lines = format!("POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x7");
        self.ask(&lines, &self.parts(name, content, csrf))
    }

    /// What a program sends with its token.
    pub(crate) fn intake(&self, path: &str, token: &str, body: &[u8]) -> String {
        self.ask(&format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {token}"), body)
    }

    /// The page of the job to which a reply leads, when it is done.
    #[track_caller]
    pub(crate) fn job(&self, reply: &str) -> (String, String) {
        assert!(reply.starts_with("HTTP/1.1 303 "), "{reply}");
        let path = between(reply, "Location: ", "\r\n").to_owned();
        assert!(path.starts_with("/jobs/"), "{path}");
        let began = Instant::now();
        loop {
            let page = self.get(&path);
            if !page.contains("\r\nRefresh: ") {
                return (path.trim_start_matches("/jobs/").to_owned(), page);
            }
            assert!(began.elapsed().as_secs() < 60, "it never ends: {page}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a page says something.
    #[track_caller]
    pub(crate) fn says(&self, path: &str, part: &str) -> String {
        let began = Instant::now();
        loop {
            let page = self.get(path);
            if page.contains(part) {
                return page;
            }
            assert!(began.elapsed().as_secs() < 90, "{path} never says {part}: {page}");
            sleep(Duration::from_millis(100));
        }
    }

    /// Sends the form of a step of the first run.
    pub(crate) fn save(&self, step: u8, fields: &str) -> String {
        self.change(&format!("/setup/{step}"), "/setup/change", &format!("step={step}&{fields}"))
    }

    /// Sends the form of a table of the settings.
    pub(crate) fn set(&self, table: &str, fields: &str) -> String {
        self.change("/settings", "/settings/change", &format!("table={table}&{fields}"))
    }

    fn change(&self, page: &str, path: &str, fields: &str) -> String {
        let page = self.get(page);
        let version = between(&page, "name=\"version\" value=\"", "\"");
        self.post(path, &format!("csrf={}&version={version}&{fields}", self.csrf()))
    }

    /// Has a step of the first run tried.
    pub(crate) fn check(&self, step: u8) -> String {
        let reply = self.post("/setup/check", &format!("csrf={}&step={step}", self.csrf()));
        self.job(&reply).1
    }

    /// Sends a customer file and takes it as it is. Gives the page that shows what it is, and the one after that.
    pub(crate) fn take_customers(&self, csv: &str) -> [String; 2] {
        let csrf = self.csrf();
        let (job, shown) = self.job(&self.send("/customers/upload", "c.csv", csv, &csrf));
        let (_, taken) = self.job(&self.post("/customers/take", &format!("csrf={csrf}&job={job}")));
        [shown, taken]
    }

    /// The last step: releases what it shows.
    pub(crate) fn go_live(&self, shown: &str) -> String {
        let through = between(shown, "name=\"through\" value=\"", "\"");
        self.post("/setup/live", &format!("csrf={}&do=release&through={through}", self.csrf()))
    }

    /// The states of the six steps: `d`one, `t`o do, `w`rong.
    pub(crate) fn states(&self) -> String {
        let page = self.get("/setup");
        let badges = page.split("<td").filter_map(|cell| cell.split("<span class=\"badge").nth(1));
        let states = badges.map(|badge| match between(badge, ">", "<") {
            "done" => 'd',
            "to do" => 't',
            "something is wrong" => 'w',
            other => panic!("{other}"),
        });
        states.collect()
    }
}

#[track_caller]
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}: {text}"));
    rest.split_once(after).unwrap().0
}
