//! Logs of sessions, and packets of RADIUS: what is read holds to what the store and the matching rely on, whatever the
//! bytes.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};

use abusebox::clock::Timestamp;
use abusebox::customers::import::{COMPLAINTS_MAX, TEXT_CHARS_MAX};
use abusebox::sessions::Session;
use abusebox::sessions::accounting::{Memory, apply};
use abusebox::sessions::radius::{PACKET_BYTES_MAX, Request};
use abusebox::sessions::read::{self, Given, Summary};
use jiff::tz::TimeZone;
use md5::{Digest, Md5};

use super::assert_showable;
use super::chunked::Chunked;

pub(super) fn check(bytes: &[u8]) {
    let whole = read(bytes);
    let chunked = read(BufReader::with_capacity(7, Chunked::new(bytes, &[1, 5, 3])));
    assert!(whole == chunked, "in pieces it reads as {chunked:?}, at once as {whole:?}");
    if let Some((sessions, told)) = whole {
        let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
        sessions.iter().for_each(|session| check_session(session, lines));
        for (line, complaint) in told {
            assert!((1..=lines).contains(&line), "line {line}: {complaint}");
            assert_showable(&complaint, 3000);
        }
    }
    check_packet(bytes);
}

type Got = (Vec<Session>, Vec<(u64, String)>);

fn read(log: impl BufRead) -> Option<Got> {
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    let given = Given { zone: &zone, offset: 7, name: None };
    let mut sessions = Vec::new();
    let summary = read::read(log, &given, |session| {
        sessions.push(session);
        Ok::<(), std::convert::Infallible>(())
    });
    let Summary { sessions: count, complaints, columns, .. } = summary.ok()?;
    assert_eq!(count, sessions.len() as u64);
    assert!(complaints.list.len() <= COMPLAINTS_MAX);
    columns.iter().for_each(|(_, header)| assert_showable(header, TEXT_CHARS_MAX + 10));
    let told = |one: abusebox::config::Complaint| {
        assert_showable(&one.field, 3000);
        (one.line.expect("each has its line"), one.complaint)
    };
    Some((sessions, complaints.list.into_iter().map(told).collect()))
}

fn check_session(session: &Session, lines: u64) {
    assert!(session.net.trunc() == session.net && session.net.prefix_len() > 0, "{session:?}");
    assert!(session.ports.is_none_or(|(first, last)| first <= last), "{session:?}");
    assert!(session.until.at().is_none_or(|end| session.from <= end), "{session:?}");
    assert!((1..=lines).contains(&session.line), "{session:?}");
    check_users(&session.users);
}

fn check_users(users: &[String]) {
    assert!(!users.is_empty());
    for user in users {
        assert!(!user.is_empty());
        // Lower case may be longer.
        assert_showable(user, 3 * TEXT_CHARS_MAX);
    }
}

/// The bytes as the attributes of a packet that is signed.
fn check_packet(bytes: &[u8]) {
    let (secret, from, now) =
        (b"secret", IpAddr::V4(Ipv4Addr::LOCALHOST), Timestamp::from_unix(1_795_939_200));
    let _ = Request::read(bytes, secret, from, now);
    let attributes = &bytes[..bytes.len().min(PACKET_BYTES_MAX - 20)];
    let [high, low] = (attributes.len() as u16 + 20).to_be_bytes();
    let head = [4, 1, high, low];
    let signature =
        Md5::new_with_prefix(head).chain_update([0; 16]).chain_update(attributes).chain_update(secret);
    let packet = [&head[..], &signature.finalize(), attributes].concat();
    let Ok(request) = Request::read(&packet, secret, from, now) else { return };
    assert!((20..=PACKET_BYTES_MAX).contains(&request.response(secret).len()));
    if let Ok(Some(event)) = request.event {
        check_users(&event.users);
        let mut memory = Memory::default();
        let Ok(_) = apply(&event, &mut memory);
        memory.finish();
        for session in &memory.given {
            assert!(session.until.at().is_none_or(|end| session.from <= end), "{session:?}");
            assert!(session.net.trunc() == session.net && session.net.prefix_len() > 0, "{session:?}");
        }
    }
}
