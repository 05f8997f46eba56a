//! Does what `slot` decides, in the order that survives a power cut: first the ledger says what is going to be, then
//! the selector makes it so.

use std::io;
use std::path::Path;

use super::ledger::{self, Ledger};
use super::selector::{self, Board, Change, Restart, Selector};
use super::slot::{Boot, Slot, Start};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Selector(#[from] selector::Error),
    #[error(
        "slot {0} runs and is not the committed one, so the other one is not replaced; try again after a restart"
    )]
    NotCommitted(Slot),
    #[error("the first partition cannot be reached, so the slot is not changed: {0}")]
    Mount(#[from] io::Error),
}

/// How a boot goes on before its root is read.
#[derive(Debug)]
pub enum Next {
    Root,
    /// Neither slot works: the root, after saying so.
    LastResort,
    Restart(Restart),
}

/// The first partition, mounted for as long as `work` runs; that gets the folder. To mount a FAT for writing is to
/// write to it already, so that is asked for only with something to write.
pub trait FirstPartition {
    fn with<T, E: From<io::Error>>(
        &self,
        access: Access,
        work: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<T, E>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// Before the root is read: counts this boot, and gives way to the other slot when it is time; call [`stay`] if that
/// restart cannot be done. With an error, which is to be told, it goes on with the root.
pub fn begin(
    board: Board,
    boot: Boot,
    ledger: &mut Ledger,
    first: &impl FirstPartition,
) -> Result<Next, Error> {
    let mut tally = ledger.tally();
    let start = tally.start(boot);
    ledger.save(tally)?;
    match start {
        Start::Go => Ok(Next::Root),
        Start::Stay => Ok(Next::LastResort),
        Start::GiveWay(slot) => {
            let committed = tally.committed.unwrap_or(boot.committed);
            let led = lead(board, slot, committed, first);
            if led.is_err() {
                stay(boot, ledger)?;
            }
            led.map(Next::Restart)
        }
    }
}

/// The restart into the other slot was not possible, for which that slot is not to blame. It goes on with the root.
pub fn stay(boot: Boot, ledger: &mut Ledger) -> Result<(), Error> {
    let mut tally = ledger.tally();
    tally.stay(boot);
    Ok(ledger.save(tally)?)
}

/// The main process works: forgives the attempts, commits the running slot if it was on trial, and makes a damaged
/// selector whole. To be called once in a boot, and again after an error. From then on that is how it stands with this
/// boot.
pub fn confirm(
    board: Board,
    boot: Boot,
    ledger: &mut Ledger,
    first: &impl FirstPartition,
) -> Result<Boot, Error> {
    let selector = read(board, first);
    let mut tally = ledger.tally();
    tally.healthy(boot, selector.as_ref().ok().and_then(Selector::committed));
    // A slot is not at fault for a first partition that cannot be read.
    ledger.save(tally)?;
    let committed = tally.committed.unwrap_or(boot.running);
    write(board, first, &selector?.commit(committed))?;
    Ok(Boot { committed, ..boot })
}

/// Which slot a new version goes to. Nobody relies on what is there from here on.
pub fn replace(boot: Boot, ledger: &mut Ledger) -> Result<Slot, Error> {
    let mut tally = ledger.tally();
    // Also where a firmware starts another slot than it was told to: it could not be led to a trial either.
    if boot.is_passing() || tally.committed != Some(boot.running) {
        return Err(Error::NotCommitted(boot.running));
    }
    let slot = boot.running.other();
    tally.replace(slot);
    ledger.save(tally)?;
    Ok(slot)
}

/// Leads the boot loader to the new version, which is whole, for one boot. Returns how to restart.
pub fn try_new(
    board: Board,
    boot: Boot,
    ledger: &mut Ledger,
    first: &impl FirstPartition,
) -> Result<Restart, Error> {
    let slot = boot.running.other();
    let mut tally = ledger.tally();
    tally.try_new(slot);
    ledger.save(tally)?;
    lead(board, slot, tally.committed.unwrap_or(boot.running), first)
}

fn lead(board: Board, slot: Slot, committed: Slot, first: &impl FirstPartition) -> Result<Restart, Error> {
    let (changes, restart) = read(board, first)?.lead_to(slot, committed);
    write(board, first, &changes)?;
    Ok(restart)
}

fn read(board: Board, first: &impl FirstPartition) -> Result<Selector, Error> {
    first.with(Access::Read, |folder| Ok(Selector::read(board, folder)))
}

fn write(board: Board, first: &impl FirstPartition, changes: &[Change]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    first.with(Access::Write, |folder| Ok(selector::write(board, folder, changes)?))
}
