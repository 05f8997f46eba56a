//! Arguments, logging, exit code; no decisions.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use abusebox::clock::Clock;
use abusebox::command::{self, Command, Exit, Output};
use abusebox::logbook::Logbook;
use abusebox::service::intake::describe;
use abusebox::service::running::{self, Around};
use abusebox::service::{Engine, Error};
#[cfg(target_env = "gnu")]
use abusebox::system::ONE_HEAP;
use abusebox::system::supervise;
use abusebox::{control, store};
use anyhow::Context;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match work(&words) {
        Ok(code) => ExitCode::from(code),
        // Whoever read our output has gone: `abusebox parse FILE | head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "abusebox: {error:#}");
            ExitCode::from(Exit::Failed as u8)
        }
    }
}

/// Starts the program anew with [`ONE_HEAP`], if it has not been started so.
#[cfg(target_env = "gnu")]
fn begin_with_one_heap() {
    use std::os::unix::process::CommandExt;

    let mut words = std::env::args_os();
    if std::env::var_os(ONE_HEAP[0].0).is_none()
        && let (Some(name), Ok(program)) = (words.next(), std::env::current_exe())
    {
        // It comes back only if that cannot be done, and then it works without.
        let error = std::process::Command::new(program).arg0(name).args(words).envs(ONE_HEAP).exec();
        let _ = writeln!(io::stderr(), "abusebox: more memory than needed is kept: {error}");
    }
}

fn work(words: &[OsString]) -> anyhow::Result<u8> {
    let folder = std::env::current_dir().context("the current folder is gone")?;
    let (mut out, mut err) = (io::BufWriter::new(io::stdout().lock()), io::stderr());
    let output = &mut Output { out: &mut out, err: &mut err };
    let invocation = match command::parse(words.iter().cloned(), &folder) {
        Ok(invocation) => invocation,
        Err(error) => {
            writeln!(output.err, "abusebox: {error}")?;
            return Ok(Exit::WrongUse as u8);
        }
    };
    if invocation.command.is_detached() {
        let exit = invocation.command.detached(output)?;
        output.out.flush()?;
        return Ok(exit as u8);
    }
    #[cfg(target_env = "gnu")]
    if invocation.command == Command::Run {
        begin_with_one_heap();
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runs = matches!(invocation.command, Command::Run | Command::Supervise | Command::Once);
    let quiet = if runs { "abusebox=info,warn" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(quiet));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(Logbook).with_target(false).init();

    if invocation.command == Command::Supervise {
        runtime()?.block_on(supervise::run(&invocation.data, &Clock::system()))?;
        return Ok(Exit::Done as u8);
    }
    if let Some(code) = control::ask(&invocation.data, words, &folder, output)? {
        output.out.flush()?;
        return Ok(code);
    }
    let around = std::env::var_os("ABUSEBOX_BOX").is_some_and(|word| word == "1").then(Around::of_box);
    let clock = match (invocation.at, &invocation.command) {
        (None, _) => match &around {
            Some(around) => Clock::system().trusted_by(around.run.clock_trusted()),
            None => Clock::system(),
        },
        (Some(at), Command::Run) => Clock::starting(at),
        (Some(at), _) => Clock::fixed(at),
    };
    let mut patience = PATIENCE_SECONDS;
    let engine = loop {
        match Engine::open(&invocation.data, &invocation.settings, clock.clone()) {
            // Another command is at work, or `run` has begun while we looked.
            Err(Error::Store(store::Error::InUse)) if patience > 0 => {
                patience -= 1;
                std::thread::sleep(Duration::from_secs(1));
                if let Some(code) = control::ask(&invocation.data, words, &folder, output)? {
                    output.out.flush()?;
                    return Ok(code);
                }
            }
            Err(Error::Store(store::Error::InUse)) => {
                anyhow::bail!("another abusebox works on {}; wait for it", invocation.data.display())
            }
            // The disk may recover, and whoever ended here would be started again and again.
            Err(error) if matches!(invocation.command, Command::Run) && error.may_pass() => {
                tracing::error!("not at work yet: {}; trying again", describe(&error));
                std::thread::sleep(DISK_AGAIN_AFTER);
            }
            // A box has nobody who reads what it says here; its page says it, too.
            Err(Error::Settings(fault))
                if invocation.command == Command::Run && around.as_ref().is_some_and(Around::may_mend) =>
            {
                break Engine::open_to_mend(&invocation.data, &invocation.settings, clock.clone(), fault)?;
            }
            Err(error @ Error::Store(_)) => {
                return Err(error).with_context(|| format!("in {}", invocation.data.display()));
            }
            other => break other?,
        }
    };
    let exit = match invocation.command {
        Command::Run => {
            let runtime = runtime()?;
            let ended = runtime.block_on(running::run(engine, around));
            // What did not end in time is left as it is: all that is stored is stored whole or not at all.
            runtime.shutdown_background();
            ended.map(|()| Exit::Done)?
        }
        Command::Once => {
            let pass = runtime()?.block_on(running::once(&engine, engine.now()?))?;
            let (fetch, mail) = (pass.fetch, pass.mail);
            if !fetch.asked {
                let missing = engine.loaded().settings.missing();
                missing.iter().try_for_each(|sentence| writeln!(output.err, "still to do: {sentence}"))?;
            }
            writeln!(
                output.err,
                "{} reports, {} rows, {} rejected; {} mails planned, {} held, {} sent, {} failed",
                fetch.reports, fetch.rows, fetch.rejected, mail.planned, mail.held, mail.sent, mail.failed
            )?;
            match fetch {
                _ if fetch.failed => Exit::Failed,
                _ if fetch.rejected > 0 || fetch.unreadable > 0 => Exit::Rejected,
                _ => Exit::Done,
            }
        }
        command => command.execute(&engine, &clock, output)?,
    };
    output.out.flush()?;
    Ok(exit as u8)
}

/// One thread for sockets and timers; reports are taken in on a thread of their own.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// So long another command may be at work on the same data folder.
const PATIENCE_SECONDS: u32 = 10;
const DISK_AGAIN_AFTER: Duration = Duration::from_secs(10);
