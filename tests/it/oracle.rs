//! Whose address it was, by the written rules and nothing of the product: every line is looked at for every
//! question.

use std::fmt::Write;
use std::net::IpAddr;

use abusebox::clock::{Day, Timestamp};
use ipnet::IpNet;

/// One line of a customer file.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) customer: usize,
    pub(crate) prefix: IpNet,
    /// First and last day for which the line holds.
    pub(crate) from: Option<Day>,
    pub(crate) until: Option<Day>,
    pub(crate) cancelled: bool,
}

impl Line {
    pub(crate) fn new(customer: usize, prefix: &str) -> Self {
        Self { customer, prefix: prefix.parse().unwrap(), from: None, until: None, cancelled: false }
    }

    fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|day| day <= at.day()) && self.until.is_none_or(|day| at.day() <= day)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Whose {
    Customer { customer: usize, mailed: bool },
    Unassigned,
    Ambiguous,
    Unattributable,
    Outside,
}

/// The networks and the accepted customer files, in order of import.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) cidrs: Vec<IpNet>,
    /// `networks.dynamic` and `networks.cgn`
    pub(crate) marked: Vec<IpNet>,
    pub(crate) files: Vec<(Timestamp, Vec<Line>)>,
}

impl Oracle {
    pub(crate) fn whose(&self, address: IpAddr, at: Timestamp) -> Whose {
        let among = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
        if !among(&self.cidrs) {
            return Whose::Outside;
        }
        if among(&self.marked) {
            return Whose::Unattributable;
        }
        // The last file that was there, or the first of all; and the one that came next.
        let there = self.files.iter().take_while(|(imported, _)| *imported <= at).count();
        let now = there.saturating_sub(1);
        let mut answers: Vec<Whose> = Vec::new();
        for (number, (_, lines)) in self.files.iter().enumerate() {
            if number == now || (there > 0 && number == there) {
                answers.push(by_file(lines, address, at));
            }
        }
        answers.into_iter().reduce(both).unwrap_or(Whose::Unassigned)
    }

    /// The file as a CRM would export it, with a mail address for each customer that `mail` gives one.
    pub(crate) fn export(&self, file: usize, mut who: impl FnMut(usize) -> [String; 3]) -> String {
        let mut csv = "customer_id,name,email,cidr,valid_from,valid_to,status\n".to_owned();
        for line in &self.files[file].1 {
            let [id, name, mail] = who(line.customer);
            let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
            let status = if line.cancelled { "cancelled" } else { "active" };
            let (from, until) = (day(line.from), day(line.until));
            writeln!(csv, "{id},{name},{mail},{},{from},{until},{status}", line.prefix).unwrap();
        }
        csv
    }
}

fn by_file(lines: &[Line], address: IpAddr, at: Timestamp) -> Whose {
    let around: Vec<&Line> = lines.iter().filter(|line| line.prefix.contains(&address)).collect();
    let Some(longest) = around.iter().map(|line| line.prefix.prefix_len()).max() else {
        return Whose::Unassigned;
    };
    let standing: Vec<&&Line> = around.iter().filter(|line| line.prefix.prefix_len() == longest).collect();
    let valid: Vec<_> = standing.iter().filter(|line| line.holds(at)).collect();
    let answer = |line: &Line, mailed| Whose::Customer { customer: line.customer, mailed };
    if valid.is_empty() {
        standing.iter().map(|line| answer(line, false)).reduce(both)
    } else {
        valid.iter().map(|line| answer(line, !line.cancelled)).reduce(both)
    }
    .unwrap_or(Whose::Unassigned)
}

fn both(one: Whose, other: Whose) -> Whose {
    match (one, other) {
        (Whose::Customer { customer, mailed }, Whose::Customer { customer: second, mailed: also })
            if customer == second =>
        {
            Whose::Customer { customer, mailed: mailed && also }
        }
        _ if one == other => one,
        _ => Whose::Ambiguous,
    }
}
